package web

import (
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"innius_exporter/internal/testcert"
)

// guarded is a socket with TLS and one user.
type guarded struct {
	*socket
	ca *testcert.CA
}

// The hash is of "fakepassword", at the least cost.
const webConfig = `tls_server_config: {cert_file: cert.pem, key_file: key.pem}
basic_auth_users: {prometheus: $2a$04$k9SdGrRgy..3j/2y8UfdDOXkP0hFyv7GRaPx1OD7iK8khdVutz24.}
`

func guard(t *testing.T, size int, tune func(*http.Server)) *guarded {
	t.Helper()
	ca, dir := testcert.NewCA(t), t.TempDir()
	cert, key := ca.Issue(t, "exporter")
	for name, content := range map[string][]byte{"cert.pem": cert, "key.pem": key, "web.yml": []byte(webConfig)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &guarded{listenWith(t, size, tune, filepath.Join(dir, "web.yml")), ca}
}

// client speaks HTTP/2 over one connection.
func (g *guarded) client() *http.Client {
	g.Helper()
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: g.ca.Pool()}, MaxConnsPerHost: 1}
	g.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// ask asks with a user and a password; empty ones are not sent.
func (g *guarded) ask(c *http.Client, method, path, user, password string) (code int, body string) {
	g.Helper()
	req, err := http.NewRequestWithContext(g.Context(), method, "https://"+g.address+path, http.NoBody)
	if err != nil {
		g.Fatal(err)
	}
	if user+password != "" {
		req.SetBasicAuth(user, password)
	}
	resp, err := c.Do(req)
	if err != nil {
		g.Error(err)
		return 0, ""
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.ProtoMajor != 2 {
		g.Errorf("%s %s over %s: %v", method, path, resp.Proto, err)
	}
	return resp.StatusCode, string(text)
}

func TestEveryPageWantsThePasswordAndTLS(t *testing.T) {
	g := guard(t, 0, nil)
	client := g.client()
	if len(g.patterns) < 14 {
		t.Errorf("only %d pages: %q", len(g.patterns), g.patterns)
	}
	for _, pattern := range append(g.patterns, "GET /nowhere") {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.TrimSuffix(path, "{$}")
		right, query := http.StatusOK, ""
		if strings.HasPrefix(path, "/debug/") {
			query = "?seconds=1" // not the usual 30
		}
		if path == "/nowhere" {
			right = http.StatusNotFound
		}
		for _, row := range []struct {
			user, password string
			code           int
		}{
			{"", "", 401},
			{"prometheus", "", 401},
			{"prometheus", "wrong", 401},
			{"somebody", "fakepassword", 401},
			{"prometheus", "fakepassword", right},
		} {
			if code, _ := g.ask(client, method, path+query, row.user, row.password); code != row.code {
				t.Errorf("%s as %q, %q: status %d, want %d", pattern, row.user, row.password, code, row.code)
			}
		}
		if code, body := g.answer(g.connect(method + " " + path + " HTTP/1.0\r\n\r\n")); code != http.StatusBadRequest || !strings.Contains(body, "HTTPS") {
			t.Errorf("%s without TLS: status %d, %q", pattern, code, body)
		}
	}
}
