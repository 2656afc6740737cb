package config

import (
	"crypto/tls"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
)

// comparableTo takes out of a config what two loads of the same differ in, and checks that the keys are the same.
func comparableTo(t *testing.T, c, other *Config) *Config {
	t.Helper()
	same := *c
	same.Accounts = append([]Account(nil), c.Accounts...)
	for i := range same.Accounts {
		own, others := same.Accounts[i].Key, other.Accounts[i].Key
		if own.known() != others.known() || own.Variable() != others.Variable() || absolute(own.File()) != absolute(others.File()) {
			t.Errorf("account %d: key %s became %s", i+1, own, others)
		}
		same.Accounts[i].Key = KeySource{}
	}
	return &same
}

func absolute(path string) string {
	if full, err := filepath.Abs(path); path != "" && err == nil {
		return full
	}
	return path
}

// roundTrip writes a config and loads what was written.
func roundTrip(t *testing.T, name string, c *Config) string {
	t.Helper()
	return roundTripBy(t, name, c, outside{getenv: os.Getenv, read: readAtMost})
}

func roundTripBy(t *testing.T, name string, c *Config, o outside) string {
	t.Helper()
	text := c.YAML()
	back, err := parse([]byte(text), "config.yml", o)
	if err != nil {
		t.Errorf("%s: what was written does not load: %v\n%s", name, err, text)
		return text
	}
	if got, want := comparableTo(t, back, c), comparableTo(t, c, back); !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got  %+v\nwant %+v\n%s", name, got, want, text)
	}
	if again := back.YAML(); again != text {
		t.Errorf("%s: written anew it is\n%s\ninstead of\n%s", name, again, text)
	}
	return text
}

func TestAWrittenConfigLoadsAsTheSame(t *testing.T) {
	example, err := os.ReadFile("../../config.example.yml")
	if err != nil {
		t.Fatal(err)
	}
	inTestdata(t)
	t.Setenv("INNIUS_API_KEY", testKey)
	files, err := filepath.Glob("good-*.yml")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		c, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		roundTrip(t, file, c)
	}
	c, err := parse(example, "config.yml", outside{getenv: os.Getenv, read: readAtMost})
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, "config.example.yml", c)
}

// Texts that YAML would take for something else than text must stay what they are.
func TestAWrittenConfigKeepsTextsThatLookLikeSomethingElse(t *testing.T) {
	t.Setenv("TEST_KEY", testKey)
	for name, text := range map[string]string{
		"names":    strings.Replace(goodText, "name: acme", `name: "yes: #1 'x' \u00e4 - null"`, 1),
		"a number": strings.Replace(goodText, "name: acme", `name: "4711"`, 1),
		"null":     strings.Replace(goodText, "name: acme", `name: "~"`, 1),
		"patterns": goodText + "sensors:\n" + `  - {machine: '0x1F', sensor: '@home|\d+ "#" ''a''', max_age: 1m30s, weight: 0.001}` + "\n  - {sensor: '(?i)true'}\n",
		"values":   goodText + `sensors: [{sensor: x, values: {"12,5": 7, "null": 0.5, "45%": -3, "a: b": 123456789012345678, "on": 1e-9, "<<": 3}}]` + "\n",
		"rates":    goodText + "    rate_limit: {requests_per_hour: 0.25, burst: 1, share: 0.3333333333333333}\n",
		"times":    goodText + "    timeout: 1500ms\n    lookback: 52w\nrefresh: {min_interval: 1s1ms, max_interval: 1y, stale_after: 61m}\n",
		"http":     goodText + "    allow_http: true\n    http_client: {proxy_from_environment: false}\n",
		"proxy":    goodText + "    http_client: {proxy_url: 'socks5h://[::1]:1080', no_proxy: '*'}\n",
		"fields":   goodText + "    fields: {time: \"no\", value: \"1\"}\n    endpoints: {company: '/me?x=%20&y={limit}'}\n",
		"unicode":  goodText + "discovery: {sensors: {include: ['Öl.*', \"a\\tb\", '-', '!x', '&y', '[*]z|', '[?] q']}}\n",
	} {
		c, err := parseText(t, text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		roundTrip(t, name, c)
	}
}

func TestTheConfigOfFlagsIsWrittenAsAFile(t *testing.T) {
	t.Setenv("INNIUS_API_KEY", testKey)
	c, err := FromEnvironment("https://innius.invalid/v1", "", os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	text := roundTrip(t, "flags", c)
	for _, want := range []string{"name: default\n", "url: https://innius.invalid/v1\n", "api_key_env: INNIUS_API_KEY\n", "requests_per_hour: 1000\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	file := filepath.Join(t.TempDir(), "key")
	write(t, file, otherKey)
	if c, err = FromEnvironment("https://innius.invalid", file, func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	if text := roundTrip(t, "key file", c); !strings.Contains(text, "api_key_file: "+file+"\n") {
		t.Error(text)
	}
}

func TestEveryKeyOfAnAccountIsWritten(t *testing.T) {
	inTestdata(t)
	c, err := Load("good-full.yml")
	if err != nil {
		t.Fatal(err)
	}
	c.Accounts[0].HTTPClient.TLS.CAFile, c.Accounts[0].HTTPClient.TLS.CertFile = "ca.pem", "client.pem"
	c.Accounts[0].HTTPClient.TLS.KeyFile, c.Accounts[0].AllowHTTP = "client-key.pem", true
	text := c.YAML()
	for _, want := range []string{
		"allow_http: true", "requests_per_hour: 3600", "share: 0.5", "lookback: 1w", "timeout: 1m30s", "company: /me", "company_id: a",
		"value: i", "proxy_url: http://proxy.invalid:3128", "no_proxy: .internal", "min_version: TLS13", "insecure_skip_verify: true",
		"ca_file: ca.pem", "cert_file: client.pem", "key_file: client-key.pem", "interval: 2h", "- Press.*", "stale_after: 3h", "max_age: 15m",
		"weight: 10", "RUN: 1", "labels: id", "api_key_file: key.txt",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

func TestAWrittenConfigHoldsNoKey(t *testing.T) {
	file := t.TempDir() + "/key"
	write(t, file, otherKey)
	c, err := parseText(t, goodText+"  - {name: other, url: https://innius.invalid, api_key_file: "+file+"}\n")
	if err != nil {
		t.Fatal(err)
	}
	// A key that was changed to what stands elsewhere in the config since is not shown there either.
	c.Accounts[0].URL = &url.URL{Scheme: "https", Host: "innius.invalid", Path: "/" + testKey}
	fixed := DefaultAccount()
	fixed.Name, fixed.URL, fixed.Key = "demo", c.Accounts[1].URL, FixedKey(innius.NewSecret("fixed-key-of-the-test-0123456789"))
	c.Accounts = append(c.Accounts, fixed)
	text := c.YAML()
	for _, key := range []string{testKey, otherKey, "fixed-key"} {
		if strings.Contains(text, key) {
			t.Errorf("a key is shown:\n%s", text)
		}
	}
	for _, want := range []string{"https://innius.invalid/<secret>", "api_key_env: TEST_KEY", "api_key_file: " + file, `The key of account "demo" was made by the program`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

// A config that nobody loaded, as a test or the demo makes it, is written too.
func TestAnIncompleteConfigIsWritten(t *testing.T) {
	c := &Config{Accounts: []Account{{HTTPClient: HTTPClient{TLS: TLSConfig{MinVersion: tls.VersionTLS13}}}}, Refresh: Refresh{StaleAfter: time.Minute}}
	if text := c.YAML(); !strings.Contains(text, "min_version: TLS13") || !strings.Contains(text, "stale_after: 1m") {
		t.Error(text)
	}
}
