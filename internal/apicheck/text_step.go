package apicheck

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"innius_exporter/innius"
)

// content says what a page holds.
func (s *Step) content() string {
	text := "the company"
	if s.Operation != "company" {
		text = plural(s.Items, strings.TrimSuffix(s.Operation, "s"), s.Operation)
	}
	if s.ListAt != "" {
		text += ", in the field " + s.ListAt
	}
	switch {
	case s.More:
		text += "; more pages follow (next_key is " + s.NextKey + ")"
	case s.NextKey != "":
		text += "; no more pages (next_key is " + s.NextKey + ")"
	}
	return text
}

// taken says where a fact was taken from.
func taken(f innius.Fact) string {
	text := fmt.Sprintf("%s: none", f.Name)
	if f.Field != "" {
		text = fmt.Sprintf("%s: from %s, such as %q", f.Name, f.Field, f.Example)
	}
	if f.Field != "" && f.Missing > 0 {
		text += fmt.Sprintf("; %d without", f.Missing)
	}
	for _, r := range f.Rivals {
		text += fmt.Sprintf("; but %s says %q", r.Name, r.Example)
	}
	return text
}

// rest is what there is to say after the facts.
func (s *Step) rest() []string {
	var lines []string
	if s.Values != nil && s.Items > 0 {
		lines = append(lines, s.Values.describe()...)
	}
	if s.Skipped != "" {
		lines = append(lines, s.Skipped)
	}
	if len(s.Unknown) > 0 {
		lines = append(lines, "not understood: "+names(s.Unknown))
	}
	return lines
}

func (v *Values) describe() []string {
	order := map[innius.Order]string{
		innius.Ascending: "oldest first", innius.Descending: "newest first", innius.Unknown: "order not to be told: no two times differ",
	}[v.Order]
	if v.Mixed {
		order = "in no order"
	}
	var lines []string
	if !v.Newest.IsZero() {
		lines = append(lines, order+"; time is "+v.TimeForm,
			fmt.Sprintf("oldest %s, newest %s (%s)", at(v.Oldest), at(v.Newest), ageText(v.Age)))
	}
	var skipped []string
	for reason, n := range v.Skipped {
		skipped = append(skipped, fmt.Sprintf("%d for their %s", n, reasonText(reason)))
	}
	slices.Sort(skipped)
	if len(skipped) > 0 {
		lines = append(lines, fmt.Sprintf("%d usable, skipped: %s", v.Usable, strings.Join(skipped, ", ")))
	}
	return lines
}

func ageText(seconds int64) string {
	age := time.Duration(seconds) * time.Second
	switch {
	case age < -time.Second:
		return span(-age) + " ahead of this machine's clock"
	case age < time.Second:
		return "just now"
	}
	return span(age) + " ago"
}

func reasonText(reason innius.SkipReason) string {
	return map[innius.SkipReason]string{
		"number": "value, which is no number", "text": "value, which is text", "time": "time, which is not understood",
		"future": "time, which is in the future",
	}[reason]
}
