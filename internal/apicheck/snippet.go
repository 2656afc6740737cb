package apicheck

import (
	"encoding/json"
	"strings"

	"innius_exporter/innius"
)

// account is YAML of the account with these settings. Of one that comes from flags and variables it is the whole file;
// of one in a file it holds what is to be added or changed there.
func (w *walk) account(settings ...string) string {
	var b strings.Builder
	b.WriteString("accounts:\n  - name: " + quote(w.o.Account.Name) + "\n")
	if w.o.ConfigFile == "" {
		settings = append(w.identity(settings), settings...)
	}
	for _, line := range settings {
		b.WriteString("    " + line + "\n")
	}
	return b.String()
}

// identity is what an account must have, as far as the settings do not say it anyway.
func (w *walk) identity(settings []string) []string {
	var lines []string
	for _, own := range []string{w.urlLine(), w.keyLine()} {
		name, _, _ := strings.Cut(own, ":")
		if !strings.Contains("\n"+strings.Join(settings, "\n"), "\n"+name+":") {
			lines = append(lines, own)
		}
	}
	return lines
}

// general is YAML of settings beside the accounts.
func (w *walk) general(settings ...string) string {
	text := strings.Join(settings, "\n") + "\n"
	if w.o.ConfigFile == "" {
		return w.account() + text
	}
	return text
}

func (w *walk) urlLine() string { return "url: " + quote(w.report.URL) }

// keyLine says where the key comes from now; never the key.
func (w *walk) keyLine() string {
	switch k := w.o.Account.Key; {
	case k.File() != "":
		return "api_key_file: " + quote(w.show(k.File()))
	case k.Variable() != "":
		return "api_key_env: " + k.Variable()
	}
	return "api_key_env: INNIUS_API_KEY"
}

// endpoint is the line of an operation's template under endpoints.
func (w *walk) endpoint(op innius.Operation, template string) string {
	return "  " + string(op) + ": " + quote(w.show(template))
}

func (w *walk) template(op innius.Operation) string { return w.o.Account.Endpoints.Of(op) }

// withQuery adds parameters to a template.
func withQuery(template, query string) string {
	switch {
	case query == "":
		return template
	case strings.Contains(template, "?"):
		return template + "&" + query
	}
	return template + "?" + query
}

// quote writes a text as YAML in double quotes, which are those of JSON.
func quote(text string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string cannot fail
	return strings.TrimSpace(b.String())
}
