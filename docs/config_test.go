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

// bench is a directory with the files that example configs name.
type bench struct {
	dir  string
	keys int
}

func newBench(t *testing.T) *bench {
	t.Helper()
	noEnvironment(t)
	b := &bench{dir: t.TempDir()}
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	b.write(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})))
	b.write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	return b
}

func (b *bench) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var namedFile = regexp.MustCompile(`\b(api_key_file|api_key_env|ca_file|cert_file|key_file): ([^\s,}]+)`)

// load loads a config as a user's exporter would, with files and variables of its own in place of those that it names.
func (b *bench) load(t *testing.T, text string) (*config.Config, error) {
	t.Helper()
	text = namedFile.ReplaceAllStringFunc(text, func(setting string) string {
		key, named, _ := strings.Cut(setting, ": ")
		b.keys++
		secret := fmt.Sprintf("key-number-%d-of-the-docs", b.keys)
		switch key {
		case "api_key_env":
			t.Setenv(named, secret)
			return setting
		case "api_key_file":
			b.write(t, fmt.Sprint(b.keys), secret)
			return fmt.Sprintf("%s: '%d'", key, b.keys)
		case "key_file":
			return "key_file: key.pem"
		}
		return key + ": cert.pem"
	})
	b.write(t, "config.yml", text)
	return config.Source{File: filepath.Join(b.dir, "config.yml")}.Load(os.Getenv)
}

// shortest is the account that fragments are put beside or into.
const shortest = "accounts:\n  - name: acme\n    url: https://innius-api.invalid/v1\n    api_key_env: DOCS_KEY\n"

var (
	rootKeys    = []string{"accounts", "discovery", "refresh", "sensors", "labels"}
	accountKeys = []string{"rate_limit", "page_size", "timeout", "concurrency", "lookback", "endpoints", "fields", "http_client", "allow_http"}
)

// whole makes a config of a block: one that is whole already, a part of one, or a part of an account. It is empty for
// what belongs to another program.
func whole(block string) string {
	var keys []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+):`).FindAllStringSubmatch(block, -1) {
		keys = append(keys, m[1])
	}
	of := func(known []string) bool {
		return len(keys) > 0 && !slices.ContainsFunc(keys, func(key string) bool { return !slices.Contains(known, key) })
	}
	switch {
	case of(rootKeys) && keys[0] == "accounts":
		return block
	case of(rootKeys):
		return shortest + block
	case of(accountKeys):
		return shortest + regexp.MustCompile(`(?m)^`).ReplaceAllString(strings.TrimRight(block, "\n"), "    ") + "\n"
	}
	return ""
}

func TestEveryConfigInTheDocsLoads(t *testing.T) {
	b, loaded := newBench(t), 0
	for _, p := range pages(t) {
		for _, block := range p.blocks("yaml") {
			text := whole(block)
			if text == "" {
				continue
			}
			loaded++
			if _, err := b.load(t, text); err != nil {
				t.Errorf("%s: %v in\n%s", p.file, err, text)
			}
			for _, name := range []string{"DOCS_KEY", "SOUTH_KEY", "INNIUS_API_KEY"} {
				t.Setenv(name, "")
			}
		}
	}
	if loaded < 15 {
		t.Errorf("only %d configs were found", loaded)
	}
}
