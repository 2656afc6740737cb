package docs_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"innius_exporter/internal/config"
)

// TestDocsConfigsLoad loads each YAML block that is a config or a part of one.
func TestDocsConfigsLoad(t *testing.T) {
	noEnvironment(t)
	t.Setenv("DOCS_KEY", "fake-key-of-the-docs")
	dir, loaded := t.TempDir(), 0
	writeCertificate(t, dir)
	for _, p := range pages(t) {
		for _, block := range p.blocks("yaml") {
			text := wholeConfig(block)
			if text == "" {
				continue
			}
			loaded++
			write(t, dir, "config.yml", withFiles(t, dir, text))
			if _, err := (config.Source{File: filepath.Join(dir, "config.yml")}).Load(os.Getenv); err != nil {
				t.Errorf("%s: %v in\n%s", p.file, err, text)
			}
		}
	}
	if loaded < 10 {
		t.Errorf("only %d configs were found", loaded)
	}
}

func writeCertificate(t *testing.T, dir string) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})))
	write(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var namedFile = regexp.MustCompile(`\b(api_key_file|api_key_env|ca_file|cert_file|key_file|password_file|credentials_file): ([^\s,}]+)`)

// withFiles replaces the files that a config names by files in dir, and each key by another one.
func withFiles(t *testing.T, dir, text string) string {
	t.Helper()
	keys := 0
	return namedFile.ReplaceAllStringFunc(text, func(setting string) string {
		switch key, _, _ := strings.Cut(setting, ": "); {
		case key == "ca_file" || key == "cert_file":
			return key + ": cert.pem"
		case key == "key_file":
			return key + ": key.pem"
		case key == "password_file" || key == "credentials_file":
			write(t, dir, "credentials", "fake-credentials-of-the-docs")
			return key + ": credentials"
		case setting == "api_key_env: DOCS_KEY":
			return setting
		}
		keys++
		name := fmt.Sprintf("api-key-%d", keys)
		write(t, dir, name, "fake-"+name+"-of-the-docs")
		return "api_key_file: " + name
	})
}

// account is the account that parts of a config are added to.
const account = "accounts:\n  - name: acme\n    url: https://innius-api.invalid/v1\n    api_key_env: DOCS_KEY\n"

var (
	rootKeys    = []string{"accounts", "discovery", "refresh", "sensors", "labels", "remote_write"}
	accountKeys = []string{"rate_limit", "page_size", "timeout", "concurrency", "lookback", "endpoints", "fields", "http_client", "allow_http"}
	topLevelKey = regexp.MustCompile(`(?m)^([a-z_]+):`)
)

// wholeConfig completes a block that is a config, a part of one or a part of an account. It is empty for any other block.
func wholeConfig(block string) string {
	var keys []string
	for _, m := range topLevelKey.FindAllStringSubmatch(block, -1) {
		keys = append(keys, m[1])
	}
	only := func(known []string) bool {
		return len(keys) > 0 && !slices.ContainsFunc(keys, func(key string) bool { return !slices.Contains(known, key) })
	}
	switch {
	case only(rootKeys) && keys[0] == "accounts":
		return block
	case only(rootKeys):
		return account + block
	case only(accountKeys):
		return account + "    " + strings.ReplaceAll(strings.TrimRight(block, "\n"), "\n", "\n    ") + "\n"
	}
	return ""
}
