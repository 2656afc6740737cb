package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestNoPrintedConfigHoldsAKey protects logs, pages and panics: absent must be the key, and present what replaces it.
func TestNoPrintedConfigHoldsAKey(t *testing.T) {
	file := t.TempDir() + "/key"
	write(t, file, otherKey)
	c, err := parseText(t, goodText+"  - {name: other, url: https://innius.invalid, api_key_file: "+file+"}\n")
	if err != nil {
		t.Fatal(err)
	}
	var explained strings.Builder
	c.Explain(&explained)
	asJSON, err := json.Marshal(c.Accounts)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{"Explain": explained.String(), "JSON": strings.ReplaceAll(string(asJSON), `\u003c`, "<")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		texts[verb] = fmt.Sprintf(verb, c)
		texts[verb+" of accounts"] = fmt.Sprintf(verb, c.Accounts)
	}
	for how, text := range texts {
		if strings.Contains(text, testKey) || strings.Contains(text, otherKey) {
			t.Errorf("%s shows a key", how)
		}
	}
	for _, how := range []string{"Explain", "JSON", "%v of accounts", "%+v of accounts", "%#v of accounts"} {
		if strings.Count(texts[how], "<secret") < 2 {
			t.Errorf("%s does not say that a key was left out: %s", how, texts[how])
		}
	}
}

// TestAHiddenFieldShowsNoKey protects against fmt, which ignores String methods in unexported fields.
func TestAHiddenFieldShowsNoKey(t *testing.T) {
	c, err := parseText(t, goodText)
	if err != nil {
		t.Fatal(err)
	}
	hidden := struct{ account Account }{c.Accounts[0]}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		text := fmt.Sprintf(verb, hidden)
		if strings.Contains(text, testKey) || strings.Contains(text, fmt.Sprintf("%x", testKey)) {
			t.Errorf("%s shows the key", verb)
		}
	}
}
