package apicheck

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"innius_exporter/innius"
)

// windowNames are names that APIs give to the two ends of a window of time, the longer ones first.
var windowNames = slices.Collect(slices.Chunk(strings.Fields(`start_time end_time startTime endTime start_date end_date startDate
	endDate from_time to_time fromTime toTime time_from time_to from to start end since until`), 2))

var (
	number     = regexp.MustCompile(`[0-9]+`)
	word       = regexp.MustCompile(`[A-Za-z_]+`)
	bothNeeded = regexp.MustCompile(`([A-Za-z_]+)(?:,| and) ([A-Za-z_]+) (?:are|is|must be) (?:required|missing|mandatory|given|set)`)
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
	known := []string{template}
	for _, query := range queries(message, own) {
		other := withQuery(path, strings.Join(append(slices.Clip(rest), query), "&"))
		if !slices.Contains(known, other) {
			known, tries = append(known, other), append(tries, []Setting{endpoint(innius.OpValues, other)})
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
func (s setup) sizes(message string) (tries [][]Setting) {
	for _, digits := range append(number.FindAllString(message, -1), "10") {
		if n, err := strconv.Atoi(digits); err == nil && n > 1 && n < s.account.PageSize && len(tries) < 2 {
			tries = append(tries, []Setting{{"page_size", n}})
		}
	}
	return tries
}

// lookbacks returns shorter windows: the one that a message contains, and cautious ones.
func (s setup) lookbacks(message string) (tries [][]Setting) {
	units := map[byte]time.Duration{'d': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute}
	lengths := []time.Duration{6 * time.Hour, time.Hour}
	if m := period.FindStringSubmatch(message); m != nil {
		n, _ := strconv.Atoi(m[1])
		lengths = slices.Insert(lengths, 0, time.Duration(n)*units[strings.ToLower(m[2])[0]])
	}
	for _, d := range lengths {
		if s.client.Windowed() && d >= time.Minute && d < s.account.Lookback {
			tries = append(tries, []Setting{{"lookback", model.Duration(d).String()}})
		}
	}
	return tries
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

var (
	idLike    = regexp.MustCompile(`id|key|code|nr|number|serial|tag|ref`)
	nameLike  = regexp.MustCompile(`name|label|title|descr|caption|alias`)
	unitLike  = regexp.MustCompile(`unit|uom|dimension|measure`)
	valueLike = regexp.MustCompile(`^v`)
)

// candidates returns the fields that could hold a fact, the most likely first.
func candidates(fact string, fields []innius.Field) []innius.Field {
	could, like := func(f innius.Field) bool { return f.Distinct }, idLike
	switch {
	case fact == "time":
		could = func(f innius.Field) bool { return f.Time && !f.Constant }
	case fact == "value":
		could, like = func(f innius.Field) bool { return f.Number && !f.Time }, valueLike
	case strings.HasSuffix(fact, "_name"):
		could, like = func(f innius.Field) bool { return f.Distinct && !f.Number && !f.Time }, nameLike
	case fact == "unit":
		could = func(f innius.Field) bool { return unitLike.MatchString(f.Name) }
	}
	var likely, others []innius.Field
	for _, f := range fields {
		switch {
		case f.Outer || !could(f):
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
func (f *Finding) choose(fact string, fields []innius.Field) {
	if len(fields) < 2 || strings.HasSuffix(fact, "_id") {
		f.tries = append(f.tries, fieldSettings(fact, fields)...)
		return
	}
	var list []string
	for _, field := range fields {
		list = append(list, field.Name+" (such as "+field.Example+")")
	}
	f.suggest = nil
	f.add("The " + described(fact) + " may be in: " + strings.Join(list, ", ") + ". Set fields." + fact + " to the right one.")
}

// likelyField is the most likely field for a fact, for the user to check; none where no field could hold it.
func likelyField(fact string, fields []innius.Field) []Setting {
	if likely := fieldSettings(fact, candidates(fact, fields)); len(likely) > 0 {
		return likely[0]
	}
	return nil
}

// described names a fact for people: "machine_id" is the id of a machine.
func described(fact string) string {
	owner, kind, _ := strings.Cut(fact, "_")
	switch {
	case fact == "time" || fact == "value":
		return fact + " of a reading"
	case kind == "":
		return fact
	}
	return kind + " of a " + owner
}

func fieldNames(fields []innius.Field) string {
	var list []string
	for _, f := range fields {
		list = append(list, f.Name)
	}
	return strings.Join(list, ", ")
}
