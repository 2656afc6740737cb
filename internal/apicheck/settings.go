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
			"company_id": &a.CompanyID, "endpoints.company": &e.Company, "endpoints.machines": &e.Machines, "endpoints.sensors": &e.Sensors,
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
	f.Set = w.yaml(last...)
	for i := range last {
		last[i].Path = fmt.Sprintf("accounts[%d].%s", w.o.Index, last[i].Path)
	}
	f.Settings = last
	return f
}

// endpoint is the setting of an operation's template.
func endpoint(op innius.Operation, template string) Setting {
	return Setting{Path: "endpoints." + string(op), Value: template}
}

func (w *walk) template(op innius.Operation) string { return w.account.Endpoints.Of(op) }

// yaml writes settings as YAML, those of the account below its name. Without a config file it is a whole one.
func (w *walk) yaml(settings ...Setting) string {
	if w.o.Text.ConfigFile == "" {
		for _, s := range []Setting{w.keySetting(), w.urlSetting()} {
			if !slices.ContainsFunc(settings, func(other Setting) bool { return other.Path == s.Path }) {
				settings = append([]Setting{s}, settings...)
			}
		}
	}
	var own, general []Setting
	for _, s := range settings {
		if strings.HasPrefix(s.Path, "discovery.") || s.Path == "sensors" {
			general = append(general, s)
		} else {
			own = append(own, s)
		}
	}
	text := ""
	if len(own) > 0 {
		text = "accounts:\n  - name: " + quote(w.account.Name) + "\n" + nested(own, "    ")
	}
	return text + nested(general, "")
}

// nested writes each setting below the parts of its path. Settings with a common beginning must be neighbours.
func nested(settings []Setting, indent string) string {
	var b strings.Builder
	var open []string
	for _, s := range settings {
		path := strings.Split(s.Path, ".")
		for i, part := range path {
			switch {
			case i == len(path)-1:
				b.WriteString(indent + strings.Repeat("  ", i) + part + ": " + quote(s.Value) + "\n")
			case i >= len(open) || !slices.Equal(open[:i+1], path[:i+1]):
				b.WriteString(indent + strings.Repeat("  ", i) + part + ":\n")
			}
		}
		open = path[:len(path)-1]
	}
	return b.String()
}

func (w *walk) urlSetting() Setting { return Setting{"url", w.report.URL} }

// keySetting is where the key comes from; never the key.
func (w *walk) keySetting() Setting {
	switch k := w.account.Key; {
	case k.File() != "":
		return Setting{"api_key_file", w.show(k.File())}
	case k.Variable() != "":
		return Setting{"api_key_env", k.Variable()}
	}
	return Setting{"api_key_env", "INNIUS_API_KEY"}
}

// pathSetting is an operation's template as it is now, to be corrected.
func (w *walk) pathSetting(op innius.Operation) Setting { return endpoint(op, w.show(w.template(op))) }

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

// quote writes a value as JSON, which is YAML, too.
func quote(value any) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // neither can fail
	return strings.TrimSpace(b.String())
}
