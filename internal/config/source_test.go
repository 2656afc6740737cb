package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestSourceMakesOneAccountOfFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	write(t, file, otherKey+"\n")
	for _, test := range []struct{ keyFile, variable, want string }{{"", " " + testKey + "\n", testKey}, {file, "", otherKey}} {
		c, err := Source{URL: "https://innius.invalid/v1/", KeyFile: test.keyFile}.Load(env(keyVariable, test.variable))
		if err != nil {
			t.Fatal(err)
		}
		if a := c.Accounts[0]; a.Name != "default" || a.URL.String() != "https://innius.invalid/v1" {
			t.Errorf("account %+v", a)
		}
		wantKey(t, c.Accounts[0].Key, test.want)
		wantDefaults(t, c)
		roundTrip(t, "flags", c, environment{getenv: env(keyVariable, test.variable), read: readAtMost})
	}
}

func TestSourceNamesTheFlagOfAnError(t *testing.T) {
	const (
		noKey  = "flags: has no key: set --innius.api-key-file or INNIUS_API_KEY; " + createKey
		noURL  = "--innius.url (INNIUS_URL): is missing: it is in the API reference of the innius developer portal"
		url    = "https://innius.invalid"
		notURL = "is not a valid URL; it must look like https://host (https, http)"
	)
	dir := t.TempDir()
	absent := filepath.Join(dir, "absent")
	for name, test := range map[string]struct{ url, keyFile, key, want string }{
		"nothing":      {"", "", "", noURL + "\n" + noKey},
		"no url":       {"", "", testKey, noURL},
		"no key":       {url, "", "", noKey},
		"two keys":     {url, absent, testKey, "INNIUS_API_KEY: is set together with --innius.api-key-file; keep exactly one of the two"},
		"absent file":  {url, absent, "", "--innius.api-key-file: the file " + filepath.Join(dir, "abse…") + " cannot be read: no such file or directory"},
		"wrong url":    {canary, "", testKey, "--innius.url (INNIUS_URL): " + notURL},
		"http":         {"http://innius.invalid", "", testKey, "--innius.url (INNIUS_URL): must start with https://: over http everyone on the network path can read the key (allow_http: true permits it)"},
		"key of lines": {url, "", canary + "\nx", "INNIUS_API_KEY: the variable " + errKeyForm.Error()},
		"blank key":    {url, "", " ", "INNIUS_API_KEY: the variable is not set, or empty; it must contain the key: " + createKey},
	} {
		c, err := Source{URL: test.url, KeyFile: test.keyFile}.Load(env(keyVariable, test.key))
		if err == nil || err.Error() != test.want || c != nil {
			t.Errorf("%s: got  %v\nwant %s", name, err, test.want)
		}
	}
}

func TestSourceRefusesAKeyForAnotherHost(t *testing.T) {
	const text = " is set together with --config.file; keep one of the two: a key must not reach a host it was not meant for"
	file := "testdata/good-minimal.yml"
	getenv := env("TEST_KEY", testKey, keyVariable, otherKey)
	_, err := Source{File: file, URL: "https://innius.invalid", KeyFile: "key"}.Load(getenv)
	if want := flagURL + ":" + text + "\n" + flagKeyFile + ":" + text; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	_, err = Source{File: file}.Load(getenv)
	want := file + ": INNIUS_API_KEY: is set, but no api_key_env names it; unset it, or name it in the account that it is for"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestLoadKeylessNeedsNoKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yml")
	write(t, file, strings.Replace(goodText, "api_key_env: TEST_KEY", "api_key_file: absent", 1))
	c, err := Source{File: file}.LoadKeyless(env())
	if err != nil {
		t.Fatal(err)
	}
	if key, err := c.Accounts[0].Key.Key(); err == nil || !key.Empty() {
		t.Errorf("key %v, error %v", key, err)
	}
	for _, url := range []string{"", "https://innius.invalid/v1"} {
		c, err := Source{URL: url}.LoadKeyless(env())
		if err != nil {
			t.Fatal(err)
		}
		if a := c.Accounts[0]; a.Name != "default" || url == "" && a.URL != nil || url != "" && a.URL.String() != url {
			t.Errorf("%q: %+v", url, c.Accounts)
		}
		wantDefaults(t, c)
	}
}

func TestLoadKeylessReportsOtherErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yml")
	write(t, file, goodText+"    pages: 1\n")
	for name, source := range map[string]Source{
		"an unknown key":   {File: file},
		"both sources":     {File: file, URL: "https://innius.invalid"},
		"an unusable url":  {URL: "innius.invalid"},
		"an absent config": {File: file + ".absent"},
	} {
		if c, err := source.LoadKeyless(env()); err == nil || c != nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestLoadSyntaxLooksNothingUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yml")
	const text = "accounts:\n  - name: acme\n    url: https://innius.invalid\n    %s\n    http_client: {tls_config: {%s}}\n"
	for name, test := range map[string]struct{ key, tls, want string }{
		"absent files":      {"api_key_file: absent", "ca_file: absent, cert_file: absent, key_file: absent", ""},
		"an unset variable": {"api_key_env: ABSENT", "", ""},
		"no key":            {"timeout: 1s", "", "has no key"},
		"half a pair":       {"api_key_file: absent", "cert_file: absent", "needs key_file"},
	} {
		write(t, file, fmt.Sprintf(text, test.key, test.tls))
		c, err := Source{File: file}.LoadSyntax()
		if ok := err == nil && c != nil && test.want == ""; !ok && (err == nil || test.want == "" || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if _, err := (Source{URL: "https://innius.invalid"}).LoadSyntax(); err == nil || !strings.Contains(err.Error(), "--config.file") {
		t.Errorf("without a file: %v", err)
	}
}

func TestErrorsNameThePathThatWasRead(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "present"), "")
	for path, want := range map[string]string{
		filepath.Join(dir, "present"):                 filepath.Join(dir, "present"),
		filepath.Join(dir, "present", "key"):          filepath.Join(dir, "present", "key"),
		filepath.Join(dir, "absent"):                  filepath.Join(dir, "abse…"),
		filepath.Join(dir, "absent", "key"):           filepath.Join(dir, "abse…"),
		filepath.Join(dir, canary):                    filepath.Join(dir, "CANA…"),
		filepath.Join("/", canary[:5]+"/"+canary[5:]): "/CANA…",
		"absent": "abse…",
	} {
		if got := shownPath(path); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A plan needs no key, but must not print one that is there.
func TestLoadKeylessRefusesAKeyInTheConfig(t *testing.T) {
	const short = "Canary+7f/3A"
	file, keyFile := filepath.Join(t.TempDir(), "config.yml"), filepath.Join(t.TempDir(), "key")
	write(t, keyFile, short)
	for name, key := range map[string]string{"from a variable": "api_key_env: TEST_KEY", "from a file": "api_key_file: " + keyFile} {
		for _, line := range []string{"company_name: " + short, "company_name: Canary%2B7f%2F3A", "company_name: Canary+ 7f/3A # x"} {
			text := strings.Replace(goodText, "api_key_env: TEST_KEY", key+"\n    company_id: a\n    "+line, 1)
			write(t, file, text)
			_, err := Source{File: file}.LoadKeyless(env("TEST_KEY", short))
			if err == nil || err.Error() != file+":6: "+inlineKey {
				t.Errorf("%s: %s: %v", name, line, err)
			}
		}
	}
}

func TestNameLikeAKeyIsRefused(t *testing.T) {
	for name, ok := range map[string]bool{
		"CANARYcanary0123456789canary": false, "line 0123456789abcdef0123": false, "Aa0+Aa0=Aa0%Aa0~Aa0+": false,
		"production-line-2026-of-tilburg": true, "Produktionsgesellschaftmbh": true, "plant_1": true,
	} {
		_, err := parseText(t, strings.Replace(goodText, "acme", "'"+name+"'", 1))
		if (err == nil) != ok || err != nil && strings.Contains(err.Error(), name[len(name)-10:]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
