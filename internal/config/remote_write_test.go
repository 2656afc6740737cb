package config

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestReceiverMaySendSecretsOverHTTP(t *testing.T) {
	for text, ok := range map[string]bool{
		"url: http://receiver.invalid/write":                                                                     true,
		"url: http://receiver.invalid/write, http_client: {proxy_url: 'http://proxy.invalid'}":                   true,
		"url: http://receiver.invalid/write, headers: {X-Scope-OrgID: plant}":                                    false,
		"url: http://receiver.invalid/write, headers: {X-Scope-OrgID: plant}, allow_http: true":                  true,
		"url: http://receiver.invalid/write?a=b":                                                                 false,
		"url: http://receiver.invalid/write?":                                                                    true,
		"url: http://127.0.0.1:9090/write?a=b, headers: {X-Scope-OrgID: plant}":                                  true,
		"url: http://127.0.0.1:9090/write?a=b, http_client: {proxy_url: 'http://proxy.invalid'}":                 false,
		"url: http://localhost/write?a=b, http_client: {proxy_url: 'http://proxy.invalid'}, allow_http: true":    true,
		"url: https://receiver.invalid/write?a=b, http_client: {proxy_url: 'http://proxy.invalid'}":              true,
		"url: http://localhost.invalid, http_client: {authorization: {credentials_file: testdata/password.txt}}": false,
	} {
		if _, err := parseText(t, goodText+"remote_write: [{"+text+"}]\n"); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAddressKeepsItsQuery(t *testing.T) {
	a := address(t, "https://receiver.invalid/a b?x=%20&y")
	u := a.URL()
	if u.String() != "https://receiver.invalid/a%20b?x=%20&y" || a.String() != "https://receiver.invalid/a%20b?<secret>" {
		t.Errorf("%s, shown as %s", u, a)
	}
	u.Host = "other.invalid"
	if a.URL().Host != "receiver.invalid" || (Address{}).URL() != nil || (Address{}).String() != "" {
		t.Errorf("%s, %q", a, Address{})
	}
}

func TestReceiverClientReadsItsCredentialsEachTime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	for want, client := range map[string]ReceiverClient{
		"":                       {},
		"Basic bWU6YSBzZWNyZXQ=": {BasicAuth: BasicAuth{Username: "me", PasswordFile: file}},
		"Bearer a secret":        {Authorization: Authorization{CredentialsFile: file}},
		"Token a secret":         {Authorization: Authorization{Type: "Token", CredentialsFile: file}},
	} {
		write(t, file, " a secret\n")
		got, secrets, err := client.Header()
		if err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
		if want == "" {
			continue
		}
		if _, sent, _ := strings.Cut(got, " "); !slices.Contains(secrets, sent) || !slices.Contains(secrets, "a secret") {
			t.Errorf("%q has the secrets %q", got, secrets)
		}
		for _, content := range []string{"", " \n", canary + "\nlines", strings.Repeat(canary, maxSecret)} {
			write(t, file, content)
			if got, _, err := client.Header(); got != "" || err == nil || !strings.Contains(err.Error(), file) || strings.Contains(err.Error(), canary) {
				t.Errorf("%.20q: %q, %v", content, got, err)
			}
		}
	}
}

func TestLoadKeylessReadsNoCredentials(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yml")
	write(t, file, goodText+"remote_write: [{url: https://receiver.invalid, http_client: {authorization: {credentials_file: absent}}}]\n")
	c, err := Source{File: file}.LoadKeyless(env())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.RemoteWrite[0].HTTPClient.Authorization.CredentialsFile, filepath.Join(filepath.Dir(file), "absent"); got != want {
		t.Errorf("file %s, want %s", got, want)
	}
}

func TestLoadRefusesAnUnusableProxyVariableForReceivers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yml")
	for url, ok := range map[string]bool{
		"https://receiver.invalid": true, "http://receiver.invalid": false,
		"http://receiver.invalid, http_client: {proxy_from_environment: false}": true,
	} {
		write(t, file, goodText+"remote_write: [{url: "+url+"}]\n")
		_, err := Source{File: file}.Load(env("TEST_KEY", testKey, "http_proxy", "http://user:"+canary+"/x@proxy"))
		if (err == nil) != ok || err != nil && (!strings.Contains(err.Error(), "http_proxy: is not") || strings.Contains(err.Error(), canary)) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestExplainWarnsOfReceivers(t *testing.T) {
	for text, want := range map[string]string{
		"url: http://receiver.invalid/w":     "sent over http://",
		"url: http://localhost/w":            "",
		"url: https://receiver.invalid/w":    "",
		"url: https://receiver.invalid":      "url has no path",
		"url: https://receiver.invalid/?a=b": "url has no path",
		"url: https://receiver.invalid/w, http_client: {tls_config: {insecure_skip_verify: true}}": "certificate is not verified",
		"url: http://localhost/w, http_client: {proxy_url: 'http://p.invalid'}":                    "sent over http://",
	} {
		got := explained(mustParse(t, goodText+"remote_write: [{name: central, "+text+"}]\n"))
		if warned := strings.Contains(got, `WARNING: remote_write "central": `); warned != (want != "") || !strings.Contains(got, want) {
			t.Errorf("%s: no %q in\n%s", text, want, got)
		}
	}
}
