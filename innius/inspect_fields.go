package innius

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Bounds of an Inspection.
const (
	maxUnknown = 30   // fields that are not understood
	maxField   = 60   // bytes of the name of a field, or of an example
	maxRaw     = 1200 // bytes of a body
	maxItems   = 2    // of each list in a body that is longer than that
)

// Fact is one thing that each item of a response states, such as the id of a sensor.
type Fact struct {
	Name         string   `json:"name"`                   // as in the config under fields: "sensor_id"
	Field        string   `json:"field,omitempty"`        // that holds it, in lower case; empty: it is missing in every item
	Example      string   `json:"example,omitempty"`      // of the first item that has it
	Missing      int      `json:"missing,omitempty"`      // items without it
	Known        []string `json:"-"`                      // the spellings that were looked for
	Alternatives []Field  `json:"alternatives,omitempty"` // other spellings that are present and hold another value
}

// Field is a field of a response, in lower case, with an example of its content.
type Field struct {
	Name     string `json:"name"`
	Example  string `json:"example,omitempty"`
	Time     bool   `json:"-"` // it reads as a time
	Number   bool   `json:"-"` // it is a number, or a boolean
	Distinct bool   `json:"-"` // each item has one, text or number, and no two are the same: it could be an id
	Constant bool   `json:"-"` // two items or more have it, and all the same
	Outer    bool   `json:"-"` // it belongs to the object that holds the items, not to the items
}

// facts lists the fields that were used, and those that are not understood.
func (in *Inspection) facts(a *response, l list) {
	known := map[string]bool{}
	for _, role := range a.fields.roles(in.Operation) {
		if len(l.objects) > 0 {
			in.Facts = append(in.Facts, a.fact(role, l.objects))
		}
		for _, name := range role.spellings() {
			known[name] = true
		}
	}
	for _, o := range l.objects {
		id, _ := o.pick(a.fields.roles(in.Operation)[0])
		if in.Operation == OpValues || a.key.in(plain(id)) {
			id = nil
		}
		in.IDs = append(in.IDs, plain(id))
		for name := range o {
			if !known[name] {
				known[name] = true
				in.Unknown = append(in.Unknown, a.field(name, name, l.objects))
			}
		}
	}
	for prefix, level := range map[string]object{"": l.whole, "data.": l.inside} {
		for name := range level {
			if name != "next_key" && prefix+name != "data" && prefix+name != l.where && prefix+name != l.nextIn {
				f := a.field(prefix+name, name, []object{level})
				f.Outer = true
				in.Unknown = append(in.Unknown, f)
			}
		}
	}
	slices.SortFunc(in.Unknown, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	in.Unknown = in.Unknown[:min(len(in.Unknown), maxUnknown)]
}

func (a *response) fact(r role, objects []object) Fact {
	f := Fact{Name: r.name, Known: r.spellings()}
	for _, o := range objects {
		name, ok := o.taken(r)
		if !ok || strings.HasSuffix(r.name, "_id") && strings.TrimSpace(plain(o[name])) == "" {
			f.Missing++
			continue
		}
		if f.Field == "" {
			f.Field, f.Example = a.short(name), a.show(o[name])
			f.Alternatives = a.alternatives(r, o, objects, name)
		}
	}
	return f
}

// alternatives are the other spellings of a fact that are present and hold another value. A field chosen by the user has none.
func (a *response) alternatives(r role, o object, objects []object, taken string) []Field {
	var alternatives []Field
	for _, name := range r.known {
		value, ok := o[name]
		blank := r.name != "value" && label(value) == ""
		if ok && name != taken && r.chosen == "" && !r.spare && !blank && !a.same(value, o[taken]) {
			alternatives = append(alternatives, a.field(name, name, objects))
		}
	}
	return alternatives
}

// same reports whether two values are equal, or the same moment in two forms.
func (a *response) same(one, other any) bool {
	first, isTime := a.time(one)
	second, isTimeToo := a.time(other)
	return a.show(one) == a.show(other) || isTime && isTimeToo && first.Equal(second)
}

// field describes a field that some objects have.
func (a *response) field(shown, name string, objects []object) Field {
	f := Field{Name: a.short(shown), Distinct: len(objects) > 0}
	seen := map[string]bool{}
	for _, o := range objects {
		value, ok := o[name]
		text := plain(value)
		f.Distinct = f.Distinct && text != "" && !seen[text]
		seen[text] = true
		if !ok || f.Example != "" {
			continue
		}
		f.Example = a.show(value)
		_, f.Time = a.time(value)
		_, _, why := a.number(value)
		f.Number = why == ""
	}
	f.Constant = len(objects) > 1 && len(seen) == 1 && !seen[""]
	return f
}

func (a *response) short(text string) string { return cut(a.key.redactError(text), maxField) }

// show writes a value for people: text without quotes, lists and objects by their kind, the rest as JSON.
func (a *response) show(value any) string {
	switch value.(type) {
	case map[string]any, []any:
		return kind(value)
	case string, json.Number:
		return a.short(plain(value))
	}
	text, _ := json.Marshal(value) // null, or a boolean
	return string(text)
}

// SkipReasons lists the reasons that occur, in a fixed order.
func (v Values) SkipReasons() []SkipReason { return slices.Sorted(maps.Keys(v.Skipped)) }

// raw is the beginning of the body. In JSON that is too long, only lists are shortened, so that its whole shape shows. The
// key is redacted in the whole body first, so that no part of it can remain where the text is cut. JSON whose escapes hide
// the key is encoded again without it.
func (a *response) raw() string {
	text := string(a.body)
	if value, err := a.parse(); err == nil {
		before := compact(value)
		clean := a.key.outOf(value)
		switch after := compact(clean); {
		case len(text) > maxRaw:
			text = compact(abridged(clean))
		case after != before:
			text = after
		}
	}
	return cut(strings.Join(strings.Fields(a.key.redact(spaced(text))), " "), maxRaw)
}

// abridged keeps the first items of each list.
func abridged(value any) any {
	switch v := value.(type) {
	case []any:
		short := make([]any, 0, maxItems+1)
		for _, item := range v[:min(len(v), maxItems)] {
			short = append(short, abridged(item))
		}
		if more := len(v) - len(short); more > 0 {
			short = append(short, fmt.Sprintf("… %d more", more))
		}
		return short
	case map[string]any:
		short := make(map[string]any, len(v))
		for name, item := range v {
			short[name] = abridged(item)
		}
		return short
	}
	return value
}

// outOf redacts the key in every text of a JSON value. It may change the value.
func (s Secret) outOf(value any) any {
	text := func(text string) string {
		if s.in(text) {
			return s.redact(text)
		}
		return text
	}
	switch v := value.(type) {
	case string:
		return text(v)
	case []any:
		for i, item := range v {
			v[i] = s.outOf(item)
		}
	case map[string]any:
		fields := make(map[string]any, len(v))
		for name, item := range v {
			fields[text(name)] = s.outOf(item)
		}
		return fields
	}
	return value
}

func compact(value any) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // it was JSON before
	return out.String()
}
