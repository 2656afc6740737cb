package config

import (
	"crypto/tls"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const exampleFile = "../../config.example.yml"

func example(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A setting of the example stands behind "#" in the first column, an example behind "##"; prose behind "# ".
var (
	setting = regexp.MustCompile(`(?m)^#((  )*[a-z_]+:)`)
	sample  = regexp.MustCompile(`(?m)^##((  )*(- |[a-z_]+:))`)
)

func TestTheExampleLoadsAsItIs(t *testing.T) {
	t.Setenv(keyVariable, testKey)
	c, err := Load(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	wantKey(t, c.Accounts[0].Key, testKey)
	sameAsDefault(t, c)
}

func TestTheExamplesDefaultsAreTheCodes(t *testing.T) {
	text := setting.ReplaceAllString(example(t), "$1")
	c, err := parseExample(t, text)
	if err != nil {
		t.Fatal(err)
	}
	sameAsDefault(t, c)
	if strings.Count(text, "\n") == 0 || len(setting.FindAllString(example(t), -1)) < 30 {
		t.Error("hardly a setting was found in the example")
	}
}

// bare is the example with every "#" before a setting or an example removed.
func bare(t *testing.T) string {
	t.Helper()
	return sample.ReplaceAllString(setting.ReplaceAllString(example(t), "$1"), "$1")
}

// withSamples puts every example in the place of the default beside it.
func withSamples(t *testing.T) string {
	t.Helper()
	text := bare(t)
	dir := t.TempDir()
	writePair(t, dir)
	write(t, dir+"/innius", testKey)
	for _, swap := range [][2]string{
		{"    api_key_env: INNIUS_API_KEY\n", ""},
		{"/run/secrets/innius", dir + "/innius"},
		{": ca.pem", ": " + dir + "/cert.pem"},
		{": client.pem", ": " + dir + "/cert.pem"},
		{": client-key.pem", ": " + dir + "/key.pem"},
		{"      values: /companies/{company}/machines/{machine}/sensors/{sensor}/values\n", ""},
		{"      proxy_from_environment: true\n", ""},
		{"fields: {}", "fields:"},
		{"    exclude: []\n    exclude:", "    exclude:"},
		{"sensors: []", "sensors:"},
	} {
		if !strings.Contains(text, swap[0]) {
			t.Fatalf("the example has no %q", swap[0])
		}
		text = strings.Replace(text, swap[0], swap[1], 1)
	}
	return text
}

func TestTheExamplesExamplesLoad(t *testing.T) {
	c, err := parseExample(t, withSamples(t))
	if err != nil {
		t.Fatal(err)
	}
	a := c.Accounts[0]
	if a.Fields.Value != "v" || a.HTTPClient.ProxyURL == nil || a.HTTPClient.TLS.CAFile == "" || len(c.Sensors) != 1 {
		t.Errorf("an example was not taken: %+v", c)
	}
}

// TestTheExampleShowsEveryKey puts a key that does not exist into each block; the error lists those that do.
func TestTheExampleShowsEveryKey(t *testing.T) {
	text := withSamples(t)
	for _, block := range []struct{ open, indent string }{
		{"labels: name", ""},
		{"- name: acme", "    "},
		{"rate_limit:", "      "},
		{"endpoints:", "      "},
		{"fields:", "      "},
		{"http_client:", "      "},
		{"tls_config:", "        "},
		{"discovery:", "  "},
		{"machines:", "    "},
		{"refresh:", "  "},
	} {
		at := endOfLine(text, block.open)
		_, err := parseExample(t, text[:at]+"\n"+block.indent+"nosuchsetting: 1"+text[at:])
		_, known, ok := strings.Cut(errorText(err), "known here are ")
		if !ok || strings.Contains(known, "\n") {
			t.Errorf("block %q: %v", block.open, err)
			continue
		}
		for key := range strings.SplitSeq(known, ", ") {
			if !regexp.MustCompile(`(?m)^(` + block.indent + `|  - )` + key + `:`).MatchString(bare(t)) {
				t.Errorf("block %q does not show %s", block.open, key)
			}
		}
	}
}

func TestTheExamplesRuleShowsEveryKey(t *testing.T) {
	_, err := parseText(t, goodText+"sensors: [{nosuchsetting: 1}]\n")
	_, known, _ := strings.Cut(errorText(err), "known here are ")
	rule := example(t)[strings.LastIndex(example(t), "##  - {"):]
	for key := range strings.SplitSeq(known, ", ") {
		if !strings.Contains(rule, key+": ") {
			t.Errorf("the rule does not show %s", key)
		}
	}
}

func endOfLine(text, open string) int {
	return regexp.MustCompile(`(?m)^ *` + regexp.QuoteMeta(open) + `$`).FindStringIndex(text)[1]
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestTheExamplesPricesAreRight multiplies and adds: a price that is wrong would cost users their allowance.
func TestTheExamplesPricesAreRight(t *testing.T) {
	prose := strings.NewReplacer("\n# ", " ", "\n    # ", " ").Replace(example(t))
	prices := regexp.MustCompile(`([0-9.]+(?: [x+] [0-9.]+)+) = ([0-9]+) requests\s+an hour`).FindAllStringSubmatch(prose, -1)
	if len(prices) < 6 {
		t.Fatalf("only %d prices found", len(prices))
	}
	for _, price := range prices {
		if want := strconv.FormatFloat(reckon(price[1]), 'f', -1, 64); want != price[2] {
			t.Errorf("%s, but it is %s", price[0], want)
		}
	}
	for _, want := range []string{"12 x 4 = 48 requests an hour", "one every 3.8 s; 500 sensors are each asked every 32 minutes"} {
		if !strings.Contains(prose, want) {
			t.Errorf("%q is not told", want)
		}
	}
}

// reckon works out a sum or a product.
func reckon(formula string) float64 {
	words := strings.Fields(formula)
	result, _ := strconv.ParseFloat(words[0], 64)
	for pair := range slices.Chunk(words[1:], 2) {
		n, _ := strconv.ParseFloat(pair[1], 64)
		if pair[0] == "x" {
			result *= n
		} else {
			result += n
		}
	}
	return result
}

func parseExample(t *testing.T, text string) (*Config, error) {
	t.Helper()
	return parse([]byte(text), exampleFile, outside{getenv: env(keyVariable, testKey), read: readAtMost})
}

func TestTheExamplesTLSVersionIsGos(t *testing.T) {
	if DefaultAccount().HTTPClient.TLS.MinVersion != tls.VersionTLS12 {
		t.Error("min_version: TLS12 is documented as the default")
	}
}
