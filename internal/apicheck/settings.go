package apicheck

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"innius_exporter/innius"
	"innius_exporter/internal/config"
)

// setup is what requests are sent with: the settings of the account that are in force, and a client made of them.
type setup struct {
	account config.Account
	client  *innius.Client
	index   int  // of the account in the config
	file    bool // the settings come from a config file, not from flags and variables
}

// with returns a setup with more settings, whose paths begin below the account. It is false if the exporter would refuse them.
func (s setup) with(settings ...Setting) (setup, bool) {
	for _, one := range settings {
		if apply(&s.account, one) != nil {
			return s, false
		}
	}
	a := s.account
	client, err := s.client.With(func(o *innius.Options) {
		o.BaseURL, o.PageSize, o.Lookback, o.Endpoints, o.Fields = a.URL, a.PageSize, a.Lookback, a.Endpoints, a.Fields
	})
	s.client = client
	return s, err == nil
}

func apply(a *config.Account, s Setting) (err error) {
	text := fmt.Sprint(s.Value)
	number, isNumber := s.Value.(int)
	target := textSetting(a, s.Path)
	switch {
	case s.Path == "url":
		a.URL, err = url.Parse(text)
	case s.Path == "page_size" && isNumber:
		a.PageSize = number
	case s.Path == "lookback":
		var d model.Duration
		d, err = model.ParseDuration(text)
		a.Lookback = time.Duration(d)
	case target != nil:
		*target = text
	default:
		err = errors.New("not a setting that a check tries")
	}
	return err
}

// textSetting returns where the account holds a setting that is text; nil for every other path.
func textSetting(a *config.Account, path string) *string {
	e, f := &a.Endpoints, &a.Fields
	return map[string]*string{
		"company_id": &a.CompanyID, "endpoints.company": &e.Company, "endpoints.machines": &e.Machines, "endpoints.sensors": &e.Sensors,
		"endpoints.values": &e.Values, "fields.company_id": &f.CompanyID, "fields.machine_id": &f.MachineID,
		"fields.sensor_id": &f.SensorID, "fields.time": &f.Time, "fields.value": &f.Value, "fields.machines": &f.Machines,
		"fields.sensors": &f.Sensors, "fields.values": &f.Values, "fields.time_zone": &f.TimeZone,
	}[path]
}

// only returns the one choice for which good holds. If it holds for several, each would be a guess, and there is none.
func (s setup) only(choices []Setting, good func(setup) bool) (fit [][]Setting) {
	for _, c := range choices {
		if next, ok := s.with(c); ok && good(next) {
			fit = append(fit, []Setting{c})
		}
	}
	if len(fit) > 1 {
		return nil
	}
	return fit
}

// prove makes settings those of a finding, after the check has seen them work. Of two for one path the later one counts.
func (s setup) prove(f *Finding, settings ...Setting) *Finding {
	last := map[string]any{}
	for _, one := range settings {
		if text, ok := one.Value.(string); ok && s.show(text) != text {
			return f // it holds the key and cannot be shown
		}
		last[one.Path] = one.Value
	}
	f.suggest, f.Settings = nil, nil
	for _, path := range slices.Sorted(maps.Keys(last)) {
		f.suggest = append(f.suggest, Setting{path, last[path]})
		f.Settings = append(f.Settings, Setting{fmt.Sprintf("accounts[%d].%s", s.index, path), last[path]})
	}
	return f
}

// show makes a text safe to show: the key is redacted.
func (s setup) show(text string) string { return s.client.Scrub(text) }

// quoted is a name in quotes, safe to show.
func (s setup) quoted(name string) string { return quote(s.show(name)) }

func (s setup) template(op innius.Operation) string { return s.account.Endpoints.Of(op) }

func endpoint(op innius.Operation, template string) Setting {
	return Setting{"endpoints." + string(op), template}
}

// pathSetting is the template of an operation, to be corrected.
func (s setup) pathSetting(op innius.Operation) Setting { return endpoint(op, s.show(s.template(op))) }

func (s setup) urlSetting() Setting { return Setting{"url", s.show(s.account.URL.String())} }

// keySetting is where the key comes from; never the key.
func (s setup) keySetting() Setting {
	switch a := s.account; {
	case a.KeyFile != "":
		return Setting{"api_key_file", s.show(a.KeyFile)}
	case a.KeyEnv != "":
		return Setting{"api_key_env", a.KeyEnv}
	}
	return Setting{"api_key_env", "INNIUS_API_KEY"}
}

// yaml writes settings as YAML, those of the account below its name. Without a config file it is a whole one.
func (s setup) yaml(settings []Setting) string {
	if len(settings) == 0 {
		return ""
	}
	isGeneral := func(one Setting) bool { return strings.HasPrefix(one.Path, "discovery.") || one.Path == "sensors" }
	general := slices.DeleteFunc(slices.Clone(settings), func(one Setting) bool { return !isGeneral(one) })
	own := slices.DeleteFunc(slices.Clone(settings), isGeneral)
	if !s.file {
		for _, needed := range []Setting{s.keySetting(), s.urlSetting()} {
			if !slices.ContainsFunc(own, func(one Setting) bool { return one.Path == needed.Path }) {
				own = slices.Insert(own, 0, needed)
			}
		}
	}
	text := nested(own, "    ")
	if text != "" {
		text = "accounts:\n  - name: " + quote(s.account.Name) + "\n" + text
	}
	return text + nested(general, "")
}

// nested writes each setting below the parts of its path. Settings whose paths begin alike must be neighbours.
func nested(settings []Setting, indent string) string {
	var b strings.Builder
	var open []string
	for _, s := range settings {
		path := strings.Split(s.Path, ".")
		last := len(path) - 1
		for i, part := range path {
			value := ""
			if i == last {
				value = " " + strings.ReplaceAll(quote(s.Value), `},{"`, "},\n  {\"") // each rule on a line
			} else if i < len(open) && slices.Equal(open[:i+1], path[:i+1]) {
				continue
			}
			b.WriteString(indent + strings.Repeat("  ", i) + part + ":" + value + "\n")
		}
		open = path[:last]
	}
	return b.String()
}

// quote writes a value as JSON, which is YAML too.
func quote(value any) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // neither can fail
	return strings.TrimSpace(b.String())
}
