package apicheck

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"innius_exporter/innius"
	"innius_exporter/internal/config"
)

// setup is what requests are sent with: the settings of the account that are in force, and a client made of them.
type setup struct {
	account config.Account
	index   int // of the account in the config
	client  *innius.Client
}

// with returns a setup with more settings, whose paths begin below the account. It is false if the exporter would refuse them.
func (s setup) with(settings ...Setting) (setup, bool) {
	var err error
	for _, one := range settings {
		if s.account, err = s.account.With(one.Path, fmt.Sprint(one.Value)); err != nil {
			return s, false
		}
	}
	a := s.account
	s.client, err = s.client.With(func(o *innius.Options) {
		o.BaseURL, o.PageSize, o.Lookback, o.Endpoints, o.Fields = a.URL, a.PageSize, a.Lookback, a.Endpoints, a.Fields
	})
	return s, err == nil
}

// only returns the one value of a setting for which good holds. If it holds for several, each would be a guess, and there is
// none.
func (s setup) only(path string, values []string, good func(setup) bool) (fit [][]Setting) {
	for _, value := range values {
		one := Setting{path, value}
		if next, ok := s.with(one); ok && good(next) {
			fit = append(fit, []Setting{one})
		}
	}
	if len(fit) > 1 {
		return nil
	}
	return fit
}

// prove makes settings those of a finding, after the check has seen them work. Of two for one path the later one counts.
func (s setup) prove(f *Finding, settings ...Setting) *Finding {
	var proven []Setting
	for _, one := range settings {
		if text, ok := one.Value.(string); ok && s.show(text) != text {
			return f // it holds the key and cannot be shown
		}
		proven = append(proven, Setting{fmt.Sprintf("accounts[%d].%s", s.index, one.Path), one.Value})
	}
	f.suggest, f.Settings = settings, proven
	return f
}

// show makes a text safe to show: the key is redacted.
func (s setup) show(text string) string { return s.client.Redact(text) }

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
	if file := s.account.KeyFile; file != "" {
		return Setting{"api_key_file", s.show(file)}
	}
	return Setting{"api_key_env", cmp.Or(s.account.KeyEnv, "INNIUS_API_KEY")}
}

// yaml writes settings as YAML, those of the account below its name, or a whole config file.
func (s setup) yaml(settings []Setting, whole bool) string {
	var account, general []Setting
	if whole && len(settings) > 0 {
		account = []Setting{s.urlSetting(), s.keySetting()}
	}
	for _, one := range settings {
		if strings.HasPrefix(one.Path, "discovery.") || one.Path == "sensors" {
			general = append(general, one)
		} else {
			account = append(account, one)
		}
	}
	text := yamlOf(general, "")
	if len(account) > 0 {
		text = "accounts:\n  - name: " + quote(s.account.Name) + "\n" + yamlOf(account, "    ") + text
	}
	return text
}

// yamlOf writes settings below the parts of their paths.
func yamlOf(settings []Setting, indent string) (text string) {
	below := map[string][]Setting{}
	for _, one := range settings {
		key, rest, _ := strings.Cut(one.Path, ".")
		below[key] = append(below[key], Setting{rest, one.Value})
	}
	for _, key := range slices.Sorted(maps.Keys(below)) {
		if last := below[key][len(below[key])-1]; last.Path == "" {
			text += indent + key + ": " + strings.ReplaceAll(quote(last.Value), `},{"`, "},\n  {\"") + "\n" // each rule on a line
		} else {
			text += indent + key + ":\n" + yamlOf(below[key], indent+"  ")
		}
	}
	return text
}

// quote writes a value as JSON, which is YAML too.
func quote(value any) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // neither can fail
	return strings.TrimSpace(b.String())
}

// windowNames are names that APIs give to the two ends of a window of time, the longer ones first.
var windowNames = slices.Collect(slices.Chunk(strings.Fields(`start_time end_time startTime endTime start_date end_date startDate
	endDate from_time to_time fromTime toTime time_from time_to from to start end since until`), 2))

var (
	number     = regexp.MustCompile(`[0-9]+`)
	word       = regexp.MustCompile(`[A-Za-z_]+`)
	bothNeeded = regexp.MustCompile(`([A-Za-z_]+)(?:,| and) ([A-Za-z_]+) ` +
		`(?:are|is|must be) (?:required|missing|mandatory|given|set)`)
	oneNeeded  = regexp.MustCompile(`(?i)missing|required|mandatory|invalid|must`)
	ownWindow  = regexp.MustCompile(`([A-Za-z_]+)=\{from_[a-z0-9]+\}&([A-Za-z_]+)=\{to_`)
	aboutSize  = regexp.MustCompile(`(?i)limit|size|page|results|items`)
	aboutRange = regexp.MustCompile(`(?i)range|window|longer|span|exceed|at most|history`)
	period     = regexp.MustCompile(`(?i)([0-9]+) ?(d|h|min|m)`)
	leadsOn    = regexp.MustCompile(`next|cursor|token|more|continu`)

	otherNames = map[string]*regexp.Regexp{ // that APIs give to these parameters
		"limit":     regexp.MustCompile(`(?i)^(max|(max_?)?(limit|size|count|page_?size|per_?page|results|rows|top))$`),
		"start_key": regexp.MustCompile(`(?i)^(start_?key|next_?key|cursor|.*token|after|offset|exclusive_?start_?key)$`),
	}
)

// namesOf returns the names of a window that a message contains, and whether it contains both.
func namesOf(message string) (names []string, both bool) {
	if m := bothNeeded.FindStringSubmatch(message); m != nil {
		return m[1:], true
	}
	words := word.FindAllString(message, -1)
	for _, pair := range windowNames {
		if slices.Contains(words, pair[0]) && slices.Contains(words, pair[1]) {
			return pair, true
		}
		if names == nil && slices.Contains(words, pair[0]) && oneNeeded.MatchString(message) {
			names = pair
		}
	}
	return names, false
}

// queries returns the windows to try: the names and units that a message suggests first, then the usual ones. If the message
// does not contain both names, those of the template come first.
func queries(message, template string) (all []string) {
	units := []string{"ms", "s", "rfc3339"}
	switch lower := strings.ToLower(message); {
	case strings.Contains(lower, "iso") || strings.Contains(lower, "rfc"):
		units = []string{"rfc3339", "ms", "s"}
	case strings.Contains(lower, "second") && !strings.Contains(lower, "milli"):
		units = []string{"s", "ms", "rfc3339"}
	}
	names := [][]string{{"from", "to"}, {"start", "end"}}
	named, both := namesOf(message)
	if own := ownWindow.FindStringSubmatch(template); own != nil && !both {
		names = slices.Insert(names, 0, own[1:])
	} else if named != nil {
		names = [][]string{named}
	}
	for _, pair := range names {
		for _, unit := range units {
			all = append(all, pair[0]+"={from_"+unit+"}&"+pair[1]+"={to_"+unit+"}")
		}
	}
	return all
}

// windows returns templates of the values with other windows than the one in force.
func (s setup) windows(message string) (tries [][]Setting) {
	template := s.template(innius.OpValues)
	path, own, _ := strings.Cut(template, "?")
	rest := slices.DeleteFunc(strings.Split(own, "&"), func(part string) bool {
		return part == "" || strings.Contains(part, "{from_") || strings.Contains(part, "{to_")
	})
	for _, query := range queries(message, own) {
		other := withQuery(path, strings.Join(append(slices.Clip(rest), query), "&"))
		if other != template {
			tries = append(tries, []Setting{endpoint(innius.OpValues, other)})
		}
	}
	return tries
}

// renamed returns a template with the names of limit and start_key that a message contains.
func (s setup) renamed(op innius.Operation, message string) [][]Setting {
	own := s.template(op)
	template := own
	for _, usual := range []string{"limit", "start_key"} {
		for _, name := range word.FindAllString(message, -1) {
			if name != usual && otherNames[usual].MatchString(name) && !strings.Contains(template, "{"+usual+"}") {
				template = withQuery(template, name+"={"+usual+"}")
			}
		}
	}
	if template == own {
		return nil
	}
	return [][]Setting{{endpoint(op, template)}}
}

// sizes returns smaller pages: the size that a message contains, and a cautious one.
func (s setup) sizes(op innius.Operation, message string) (tries [][]Setting) {
	for _, digits := range append(number.FindAllString(message, -1), "10") {
		if n, err := strconv.Atoi(digits); err == nil && n > 1 && n < s.account.PageSize && len(tries) < 2 && op != innius.OpCompany {
			tries = append(tries, []Setting{{"page_size", n}})
		}
	}
	return tries
}

// lookbacks returns shorter windows: the one that a message contains, and cautious ones.
func (s setup) lookbacks(message string) (tries [][]Setting) {
	lengths := []string{"6h", "1h"}
	if m := period.FindStringSubmatch(message); m != nil {
		lengths = slices.Insert(lengths, 0, strings.ToLower(m[1]+m[2][:1]))
	}
	for _, text := range lengths {
		length, err := model.ParseDuration(text)
		if d := time.Duration(length); err == nil && s.client.Windowed() && d >= time.Minute && d < s.account.Lookback {
			tries = append(tries, []Setting{{"lookback", length.String()}})
		}
	}
	return tries
}

// withQuery adds parameters to a template.
func withQuery(template, query string) string {
	separator := "?"
	if strings.Contains(template, "?") {
		separator = "&"
	}
	return strings.TrimSuffix(template+separator+query, separator)
}

var (
	idLike    = regexp.MustCompile(`id|key|code|nr|number|serial|tag|ref`)
	nameLike  = regexp.MustCompile(`name|label|title|descr|caption|alias`)
	unitLike  = regexp.MustCompile(`unit|uom|dimension|measure`)
	valueLike = regexp.MustCompile(`^v`)
)

// candidates returns the fields that could hold a fact, the most likely first.
func candidates(fact string, fields []innius.Field) []innius.Field {
	var likely, others []innius.Field
	for _, f := range fields {
		could, like := f.Distinct, idLike
		switch {
		case fact == "time":
			could = f.Time && !f.Constant
		case fact == "value":
			could, like = f.Number && !f.Time, valueLike
		case strings.HasSuffix(fact, "_name"):
			could, like = f.Distinct && !f.Number && !f.Time, nameLike
		case fact == "unit":
			could = unitLike.MatchString(f.Name)
		}
		switch {
		case f.Outer || !could:
		case like.MatchString(f.Name):
			likely = append(likely, f)
		default:
			others = append(others, f)
		}
	}
	return append(likely, others...)
}

// otherFields returns the fields that could hold a fact instead of the one in use: known spellings before other fields.
func otherFields(fact innius.Fact, in *innius.Inspection) []innius.Field {
	if known := candidates(fact.Name, fact.Alternatives); len(known) > 0 {
		return known
	}
	return candidates(fact.Name, in.Unknown)
}

// fieldSettings returns one setting per field.
func fieldSettings(fact string, fields []innius.Field) (tries [][]Setting) {
	for _, f := range fields {
		tries = append(tries, []Setting{{"fields." + fact, f.Name}})
	}
	return tries
}

// choose makes a finding try the fields that could hold a fact. Later requests show which of several ids is right; of several
// times or values each would be a guess, so the finding names them instead.
func (f *Finding) choose(fact string, fields []innius.Field) *Finding {
	if len(fields) > 1 && !strings.HasSuffix(fact, "_id") {
		return f.add("It may be: " + fieldNames(fields, true) + ". Set fields." + fact + " to the right one.")
	}
	tries := fieldSettings(fact, fields)
	if len(tries) > 0 {
		f.correct(tries[0]...)
	}
	return f.try(tries...)
}

// fieldNames lists fields for people.
func fieldNames(fields []innius.Field, examples bool) string {
	var list []string
	for _, f := range fields {
		if list = append(list, f.Name); examples {
			list[len(list)-1] += " (such as " + f.Example + ")"
		}
	}
	return strings.Join(list, ", ")
}
