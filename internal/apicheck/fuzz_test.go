package apicheck_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"

	"go.yaml.in/yaml/v4"

	"innius_exporter/innius"
	"innius_exporter/internal/apicheck"
	"innius_exporter/internal/config"
	"innius_exporter/internal/simulator"
)

const canary = "Canary+7f/3A-9e=41"

// FuzzRun walks an API that responds to every request with the same body. The walk must end within its requests, print nothing
// unsafe, and propose only valid YAML.
func FuzzRun(f *testing.F) {
	for _, body := range []string{
		`{"data":[{"id":"a","domain":"b","t":1772449200000,"v":1}]}`, `{"data":{"":{"":[]}}}`, `{"data":[{"":"x"}],"next_key":1}`,
		`{"data":[[1772449200000,1]]}`, `{"data":{"values":[]}}`, `[]`, `<html>`, ``, `{"data":[{"id":"a","v":null,"t":5,"\u2028":"#:\"'"}]}`,
		`{"data":[{"id":"a","` + canary + `":"Canary+7f\/3A-9e=41","t":"2026-03-02","v":"RUN"}]}`, `{"message":"from to 7"}`,
	} {
		f.Add(http.StatusOK, body)
		f.Add(http.StatusBadRequest, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 || status == http.StatusNoContent || status == http.StatusNotModified {
			return
		}
		checkWalk(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		})
	})
}

func checkWalk(t *testing.T, api http.HandlerFunc) {
	t.Helper()
	httpClient, closeAll := simulator.Pipe(api)
	defer closeAll()
	account := config.DefaultAccount()
	account.Name, account.URL = "acme", &url.URL{Scheme: "https", Host: "innius.invalid"}
	client, err := innius.New(innius.Options{
		BaseURL: &url.URL{Scheme: "http", Host: "localhost"}, Pacer: innius.NewPacer(3.6e9, 1000), HTTPClient: httpClient,
		Key: func() (innius.Secret, error) { return innius.NewSecret(canary), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	text := &apicheck.Text{W: &out, ConfigFile: "config.yml"}
	report := apicheck.Run(t.Context(), apicheck.Options{
		Client: client, Account: account, Config: config.Default(), Text: text,
	})
	text.End(report)
	failed := slices.ContainsFunc(report.Findings, func(f apicheck.Finding) bool { return f.Severity == apicheck.Failure })
	if report.Requests > 10 || report.OK == failed {
		t.Errorf("%d requests, ok %t", report.Requests, report.OK)
	}
	unsafe := func(r rune) bool { return r != '\n' && unicode.IsControl(r) }
	if strings.Contains(out.String(), canary) || strings.ContainsFunc(out.String(), unsafe) {
		t.Errorf("not safe to show: %q", out.String())
	}
	for _, found := range report.Findings {
		var tree map[string]any
		if err := yaml.Unmarshal([]byte(found.Set), &tree); err != nil {
			t.Errorf("no YAML: %v\n%s", err, found.Set)
		}
	}
}
