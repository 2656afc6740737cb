package config

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
)

func explain(c *Config) string {
	var w bytes.Buffer
	c.Explain(&w)
	return w.String()
}

func TestExplainTellsEverySetting(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.CopyFS(dir, os.DirFS("testdata")), os.Chmod(dir+"/key.txt", 0o600)); err != nil { // a checkout lets all read it
		t.Fatal(err)
	}
	t.Chdir(dir)
	c, err := Load("good-full.yml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("explain-full.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := explain(c); got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestExplainWarnsOfWhatShowsTheKey(t *testing.T) {
	c, err := parseText(t, strings.Replace(goodText, "https", "http", 1)+"    allow_http: true\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := explain(c); !strings.Contains(got, "the key travels over http:// and can be read on the way") {
		t.Error(got)
	}
}

func TestExplainBearsTheSlowestAllowance(t *testing.T) {
	c, err := parseText(t, goodText+"    rate_limit: {requests_per_hour: 1e-300}\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := explain(c); strings.Contains(got, "every -") {
		t.Error(got)
	}
}
