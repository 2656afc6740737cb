package apicheck

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"innius_exporter/innius"
	"innius_exporter/internal/config"
)

// use makes the walk go on with other settings of the account, whose paths begin below it. It returns false where the
// exporter would refuse them.
func (w *walk) use(settings []Setting) bool {
	account := w.account
	for _, s := range settings {
		if apply(&account, s) != nil {
			return false
		}
	}
	client, err := w.client.With(func(o *innius.Options) {
		o.BaseURL, o.PageSize, o.Lookback, o.Endpoints, o.Fields =
			account.URL, account.PageSize, account.Lookback, account.Endpoints, account.Fields
	})
	if err == nil {
		w.account, w.client = account, client
	}
	return err == nil
}

func apply(a *config.Account, s Setting) (err error) {
	e, f, text := &a.Endpoints, &a.Fields, fmt.Sprint(s.Value)
	switch s.Path {
	case "url":
		a.URL, err = url.Parse(text)
	case "page_size":
		a.PageSize = s.Value.(int)
	case "lookback":
		var d model.Duration
		d, err = model.ParseDuration(text)
		a.Lookback = time.Duration(d)
	default:
		*map[string]*string{
			"endpoints.company": &e.Company, "endpoints.machines": &e.Machines, "endpoints.sensors": &e.Sensors,
			"endpoints.values": &e.Values, "fields.company_id": &f.CompanyID, "fields.machine_id": &f.MachineID,
			"fields.sensor_id": &f.SensorID, "fields.time": &f.Time, "fields.value": &f.Value, "fields.machines": &f.Machines,
			"fields.sensors": &f.Sensors, "fields.values": &f.Values, "fields.time_zone": &f.TimeZone,
		}[s.Path] = text
	}
	return err
}

// proven adds settings that were tried and worked to a finding. Of two for one path the later one was tried with all that
// came before it.
func (w *walk) proven(f *Finding, settings ...Setting) *Finding {
	var last []Setting
	for _, s := range settings {
		last = append(slices.DeleteFunc(last, func(earlier Setting) bool { return earlier.Path == s.Path }), s)
		if text, ok := s.Value.(string); ok && w.show(text) != text {
			return f // it cannot be shown as it is
		}
	}
	slices.SortStableFunc(last, func(a, b Setting) int { return strings.Compare(a.Path, b.Path) })
	var lines []string
	section := ""
	for i, s := range last {
		head, key, nested := strings.Cut(s.Path, ".")
		if nested && head != section {
			lines, section = append(lines, head+":"), head
		}
		if nested {
			head = "  " + key
		}
		lines = append(lines, head+": "+quote(s.Value))
		last[i].Path = fmt.Sprintf("accounts[%d].%s", w.o.Index, s.Path)
	}
	f.Settings, f.Set = last, w.yaml(lines...)
	return f
}

// endpoint is the setting of an operation's template.
func endpoint(op innius.Operation, template string) Setting {
	return Setting{Path: "endpoints." + string(op), Value: template}
}

func (w *walk) template(op innius.Operation) string { return w.account.Endpoints.Of(op) }

// yaml is YAML of the account with these lines. Of one that comes from flags and variables it is the whole file; of one in
// a file it holds what is to be added or changed there.
func (w *walk) yaml(lines ...string) string {
	var b strings.Builder
	b.WriteString("accounts:\n  - name: " + quote(w.account.Name) + "\n")
	if w.o.ConfigFile == "" {
		lines = append(w.identity(lines), lines...)
	}
	for _, line := range lines {
		b.WriteString("    " + line + "\n")
	}
	return b.String()
}

// identity is what an account must have, as far as the lines do not say it anyway.
func (w *walk) identity(lines []string) []string {
	var own []string
	for _, line := range []string{w.urlLine(), w.keyLine()} {
		name, _, _ := strings.Cut(line, ":")
		if !strings.Contains("\n"+strings.Join(lines, "\n"), "\n"+name+":") {
			own = append(own, line)
		}
	}
	return own
}

// general is YAML of settings beside the accounts.
func (w *walk) general(settings ...string) string {
	text := strings.Join(settings, "\n") + "\n"
	if w.o.ConfigFile == "" {
		return w.yaml() + text
	}
	return text
}

func (w *walk) urlLine() string { return "url: " + quote(w.report.URL) }

// keyLine says where the key comes from now; never the key.
func (w *walk) keyLine() string {
	switch k := w.account.Key; {
	case k.File() != "":
		return "api_key_file: " + quote(w.show(k.File()))
	case k.Variable() != "":
		return "api_key_env: " + k.Variable()
	}
	return "api_key_env: INNIUS_API_KEY"
}

// pathLines are the lines of an operation's template as it is now, to be corrected.
func (w *walk) pathLines(op innius.Operation, comment string) []string {
	return []string{"endpoints:", "  " + string(op) + ": " + quote(w.show(w.template(op))) + "  # " + comment}
}

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

// quote writes a text as YAML in double quotes, which are those of JSON, and a number as it is.
func quote(value any) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // neither can fail
	return strings.TrimSpace(b.String())
}
