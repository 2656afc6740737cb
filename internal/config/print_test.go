package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"innius_exporter/innius"
)

// roundTrip prints a config, loads what was printed and compares. It returns what was printed.
func roundTrip(t *testing.T, name string, c *Config, e environment) string {
	t.Helper()
	text := c.YAML()
	back, err := parse([]byte(text), "config.yml", e)
	if err != nil {
		t.Errorf("%s: the printed config does not load: %v\n%s", name, err, text)
		return text
	}
	if again := back.YAML(); again != text {
		t.Errorf("%s: printed again it is\n%s\ninstead of\n%s", name, again, text)
	}
	for i := range min(len(c.Accounts), len(back.Accounts)) {
		if c.Accounts[i].Key.known() != back.Accounts[i].Key.known() {
			t.Errorf("%s: account %d has another key", name, i)
		}
	}
	if got, want := comparable(t, back), comparable(t, c); !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got  %+v\nwant %+v\n%s", name, got, want, text)
	}
	return text
}

// comparable returns a copy without the key sources, which differ in each load, and with the secrets of receivers as printed.
func comparable(t *testing.T, c *Config) *Config {
	t.Helper()
	same := *c
	same.Accounts = append([]Account(nil), c.Accounts...)
	for i := range same.Accounts {
		same.Accounts[i].Key = KeySource{}
	}
	same.RemoteWrite = append([]RemoteWrite(nil), c.RemoteWrite...)
	for i := range same.RemoteWrite {
		r := &same.RemoteWrite[i]
		r.URL, r.Headers = address(t, r.URL.String()), maps.Clone(r.Headers)
		for name := range r.Headers {
			r.Headers[name] = innius.NewSecret("<secret>")
		}
	}
	return &same
}

func TestYAMLLoadsAsTheSameConfig(t *testing.T) {
	inTestdata(t)
	t.Setenv(keyVariable, testKey)
	files, err := filepath.Glob("good-*.yml")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	system := environment{getenv: os.Getenv, read: readAtMost}
	for _, file := range append(files, "../../../config.example.yml") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := parse(data, "config.yml", system)
		if err != nil {
			t.Fatal(err)
		}
		roundTrip(t, file, c, system)
	}
}

// TestYAMLKeepsTextsThatLookLikeSomethingElse has texts that YAML would take for numbers, booleans and the like.
func TestYAMLKeepsTextsThatLookLikeSomethingElse(t *testing.T) {
	for name, text := range map[string]string{
		"names":    strings.Replace(goodText, "name: acme", `name: "yes: #1 'x' \u00e4 - null"`, 1),
		"a number": strings.Replace(goodText, "name: acme", `name: "4711"`, 1),
		"null":     strings.Replace(goodText, "name: acme", `name: "~"`, 1),
		"patterns": goodText + "sensors:\n" + `  - {machine: '0x1F', sensor: '@home|\d+ "#" ''a''', max_age: 1m30s, weight: 0.001}` + "\n  - {sensor: '(?i)true'}\n",
		"values":   goodText + `sensors: [{sensor: x, values: {"12,5": 7, "null": 0.5, "45%": -3, "a: b": 123456789012345678, "on": 1e-9, "<<": 3}}]` + "\n",
		"secrets":  goodText + `sensors: [{sensor: x, values: {a-text-of-the-api-001: 1, a-text-of-the-api-002: 2}}]` + "\n",
		"rates":    goodText + "    rate_limit: {requests_per_hour: 0.25, burst: 1, share: 0.3333333333333333}\n",
		"times":    goodText + "    timeout: 1500ms\n    lookback: 52w\nrefresh: {min_interval: 1s1ms, max_interval: 1y, stale_after: 61m, silent_after: 1h}\n",
		"http":     goodText + "    allow_http: true\n    http_client: {proxy_from_environment: false}\n",
		"proxy":    goodText + "    http_client: {proxy_url: 'socks5h://[::1]:1080', no_proxy: '*'}\n",
		"fields":   goodText + "    fields: {time: \"no\", value: \"1\"}\n    endpoints: {company: '/me?x=%20&y={limit}'}\n",
		"unicode":  goodText + "discovery: {sensors: {include: ['Öl.*', \"a\\tb\", '-', '!x', '&y', '[*]z|', '[?] q']}}\n",
	} {
		roundTrip(t, name, mustParse(t, text), environment{getenv: env("TEST_KEY", testKey), read: readAtMost})
	}
}

// twoKeys is a config with a key from a variable and one from a file, and a receiver with other secrets.
func twoKeys(t *testing.T) *Config {
	t.Helper()
	file := t.TempDir() + "/key"
	write(t, file, otherKey)
	return mustParse(t, goodText+"  - {name: other, url: https://innius.invalid, api_key_file: "+file+"}\n"+
		"remote_write: [{url: 'https://receiver.invalid/write?token="+canary+"', headers: {X-Token: "+canary+"2}}]\n")
}

func TestYAMLContainsNoKey(t *testing.T) {
	c := twoKeys(t)
	// A key that was changed after the load to a text of the config is not shown there either.
	c.Accounts[0].URL = &url.URL{Scheme: "https", Host: "innius.invalid", Path: "/" + testKey}
	fixed := DefaultAccount()
	fixed.Name, fixed.URL, fixed.Key = "demo", c.Accounts[1].URL, FixedKey(innius.NewSecret("fixed-key-of-the-test-0123456789"))
	c.Accounts = append(c.Accounts, fixed)
	text := c.YAML()
	for _, key := range []string{testKey, otherKey, "fixed-key", canary} {
		if strings.Contains(text, key) {
			t.Errorf("a key is shown:\n%s", text)
		}
	}
	for _, want := range []string{
		"https://innius.invalid/<secret>", "api_key_env: TEST_KEY", "api_key_file: /", "url: https://receiver.invalid/write?<secret>\n",
		"X-Token: <secret>\n", `The key of account "demo" was made by the program`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

// TestConfigPrintsNoKey protects logs, pages and panics. Also fmt ignores String methods in unexported fields.
func TestConfigPrintsNoKey(t *testing.T) {
	c := twoKeys(t)
	asJSON, err := json.Marshal([]any{c.Accounts, c.RemoteWrite})
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{"Explain": explained(c), "JSON": string(asJSON)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		texts[verb] = fmt.Sprintf(verb, c)
		texts[verb+" of accounts"] = fmt.Sprintf(verb, c.Accounts)
		texts[verb+" of receivers"] = fmt.Sprintf(verb, c.RemoteWrite)
		texts[verb+" of a hidden field"] = fmt.Sprintf(verb, struct {
			account  Account
			receiver RemoteWrite
		}{c.Accounts[0], c.RemoteWrite[0]})
	}
	for how, text := range texts {
		for _, key := range []string{testKey, otherKey, canary} {
			if strings.Contains(text, key) || strings.Contains(text, fmt.Sprintf("%x", key)) {
				t.Errorf("%s shows a key", how)
			}
		}
	}
	for _, how := range []string{
		"%v of accounts", "%+v of accounts", "%#v of accounts", "%v of receivers", "%+v of receivers", "%#v of receivers",
	} {
		if strings.Count(texts[how], "<secret>") != 2 {
			t.Errorf("%s does not show that keys were left out: %s", how, texts[how])
		}
	}
}

func explained(c *Config) string {
	var w strings.Builder
	c.Explain(&w)
	return w.String()
}

func TestExplainWarnsAndPrintsTheConfig(t *testing.T) {
	c := mustParse(t, strings.Replace(goodText, "https", "http", 1)+"    allow_http: true\n"+
		"    http_client: {tls_config: {insecure_skip_verify: true}}\nsensors: [{max_age: 5s}, {max_age: 10s}]\n")
	text := explained(c)
	for _, want := range []string{
		"account \"acme\": 950 requests per hour (95 % of 1000), at most 28 at once after a rest\n", "the key is sent over http://",
		"certificate is not verified", "sensors[0]: max_age 5s is shorter than refresh.min_interval 10s", c.YAML(),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Contains(text, "sensors[1]: ") {
		t.Error(text)
	}
}

func TestYAMLMasksWhatCouldBeAKeyInTheURL(t *testing.T) {
	const short = "Canary+7f/3A"
	for url, want := range map[string]string{
		"https://innius.invalid/CANARYcanary0123456789canary/v1":  "url: https://innius.invalid/<secret>/v1\n",
		"https://innius.invalid/a%20b/production-2026-of-tilburg": "url: https://innius.invalid/a%20b/production-2026-of-tilburg\n",
	} {
		c, err := Source{URL: url}.Load(env(keyVariable, testKey))
		if err != nil || !strings.Contains(c.YAML(), want) {
			t.Errorf("%s: %v\n%s", url, err, c.YAML())
		}
	}
	c := mustParse(t, goodText)
	c.Accounts[0].Key = FixedKey(innius.NewSecret(short))
	for _, path := range []string{short, "canary%2B7f%2f3a"} {
		c.Accounts[0].URL.RawPath, c.Accounts[0].URL.Path = "", "/"+path
		if text := c.YAML(); strings.Contains(text, "7f") || !strings.Contains(text, "url: ") {
			t.Errorf("%s: shown in\n%s", path, text)
		}
	}
}
