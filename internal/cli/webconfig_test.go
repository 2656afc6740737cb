package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"innius_exporter/internal/testcert"
	"innius_exporter/internal/testport"
)

// secured is a demo with TLS, and what a test adds.
type secured struct {
	*testing.T
	ca      *testcert.CA
	dir     string
	address string
}

const (
	tlsFiles = "tls_server_config: {cert_file: cert.pem, key_file: key.pem%s}\n"
	// The hash is of "fakepassword", at the least cost.
	oneUser = "basic_auth_users: {prometheus: $2a$04$k9SdGrRgy..3j/2y8UfdDOXkP0hFyv7GRaPx1OD7iK8khdVutz24.}\n"
)

func prepareSecured(t *testing.T, webConfig string) *secured {
	t.Helper()
	s := &secured{T: t, ca: testcert.NewCA(t), dir: t.TempDir(), address: testport.Free(t)}
	s.issue("first")
	s.write("ca.pem", s.ca.PEM)
	s.write("web.yml", []byte(webConfig))
	return s
}

func startSecured(t *testing.T, webConfig string) *secured {
	t.Helper()
	s := prepareSecured(t, webConfig)
	log, _ := start(t, "--demo", "--web.listen-address="+s.address, "--web.config.file="+s.file("web.yml"))
	log.await(t, "The demo is running, open https://"+s.address)
	return s
}

func (s *secured) file(name string) string { return filepath.Join(s.dir, name) }

func (s *secured) write(name string, content []byte) {
	s.Helper()
	if err := os.WriteFile(s.file(name), content, 0o600); err != nil {
		s.Fatal(err)
	}
}

// issue puts a certificate of a name in the place of the one before.
func (s *secured) issue(name string) {
	s.Helper()
	cert, key := s.ca.Issue(s, name)
	s.write("cert.pem", cert)
	s.write("key.pem", key)
}

func TestBadWebConfigIsOneErrorAtStart(t *testing.T) {
	for name, row := range map[string]struct{ config, want string }{
		"no YAML":                       {"tls_server_config: [", "yaml: "},
		"an unknown key":                {"tls_server: {}\n", "field tls_server not found"},
		"a certificate that is missing": {"tls_server_config: {cert_file: nowhere.pem, key_file: key.pem}\n", "nowhere.pem"},
		"a certificate without its key": {"tls_server_config: {cert_file: cert.pem}\n", "key_file"},
		"a key that is no key":          {"tls_server_config: {cert_file: cert.pem, key_file: ca.pem}\n", "X509KeyPair"},
		"a password that is not hashed": {"basic_auth_users: {prometheus: fakepassword}\n", "bcrypt"},
		"a client CA that decides none": {fmt.Sprintf(tlsFiles, ", client_ca_file: ca.pem"), "without a Client Auth Policy"},
		"a client CA that is missing":   {fmt.Sprintf(tlsFiles, ", client_ca_file: nowhere.pem, client_auth_type: RequireAndVerifyClientCert"), "nowhere.pem"},
		"an unknown client auth type":   {fmt.Sprintf(tlsFiles, ", client_auth_type: Perhaps"), "Perhaps"},
		"a version of TLS that is none": {fmt.Sprintf(tlsFiles, ", min_version: TLS99"), "TLS99"},
		"a header that must not be set": {"http_server_config: {headers: {Server: x}}\n", `"Server"`},
	} {
		t.Run(name, func(t *testing.T) {
			s, log := prepareSecured(t, row.config), newLogBuffer()
			err := run(t.Context(), []string{"--demo", "--web.listen-address=" + s.address, "--web.config.file=" + s.file("web.yml")}, io.Discard, log)
			if err == nil || !strings.HasPrefix(err.Error(), "--web.config.file ") || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q in it", err, row.want)
			}
			if log.String() != "" {
				t.Errorf("there is a log as well:\n%s", log)
			}
		})
	}
}

func TestCheckHealthUsesTLSPasswordAndCertificate(t *testing.T) {
	s := startSecured(t, fmt.Sprintf(tlsFiles, ", client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert")+oneUser)
	check := func(config string) error {
		s.write("client.yml", []byte(config))
		return checkHealth(t, "--url=https://"+s.address+"/-/healthy", "--http.config.file="+s.file("client.yml"))
	}
	const user, files = "basic_auth: {username: prometheus, password: fakepassword}\n", "tls_config: {ca_file: ca.pem, cert_file: cert.pem, key_file: key.pem}\n"
	if err := check(user + files); err != nil {
		t.Errorf("with all it needs: %v", err)
	}
	for lacking, row := range map[string]struct{ config, want string }{
		"the password":    {files, "status 401"},
		"the authority":   {user, "unknown authority"},
		"the certificate": {user + "tls_config: {ca_file: ca.pem}\n", "no response"},
	} {
		if err := check(row.config); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("without %s: %v", lacking, err)
		}
	}
}
