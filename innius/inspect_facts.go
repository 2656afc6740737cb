package innius

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Bounds of what an Inspection tells of fields, so that a strange answer makes no endless report.
const (
	maxUnknown = 30 // fields not understood
	maxField   = 60 // bytes of a field's name, or of an example
)

// Fact is one thing that the items of an answer state, such as a sensor's id.
type Fact struct {
	Name    string   `json:"name"`              // as in the config under fields: "sensor_id"
	Field   string   `json:"field,omitempty"`   // where it was taken from, in lower case; empty: it is missing in every item
	Example string   `json:"example,omitempty"` // of the first item that has it
	Missing int      `json:"missing,omitempty"` // items without it
	Known   []string `json:"-"`                 // the spellings that were looked for
	Rivals  []Field  `json:"rivals,omitempty"`  // other spellings that are present and hold another value
}

// Field is a field of an answer, in lower case, with an example of what stands there.
type Field struct {
	Name     string `json:"name"`
	Example  string `json:"example,omitempty"`
	Time     bool   `json:"-"` // it reads as a time
	Number   bool   `json:"-"` // it is a number, or a boolean
	Distinct bool   `json:"-"` // each item has one, text or number, and no two are the same: it could be an id
	Constant bool   `json:"-"` // two items or more have it, and all the same
	Outer    bool   `json:"-"` // it is a field of the object that holds the items, not of them
}

// facts lists from which fields what was taken, and which were not understood.
func (in *Inspection) facts(a *answer, l list) {
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

func (a *answer) fact(r role, objects []object) Fact {
	f := Fact{Name: r.name, Known: r.spellings()}
	for _, o := range objects {
		name, ok := o.taken(r)
		if !ok || strings.HasSuffix(r.name, "_id") && strings.TrimSpace(plain(o[name])) == "" {
			f.Missing++
			continue
		}
		if f.Field == "" {
			f.Field, f.Example = a.short(name), a.show(o[name])
			f.Rivals = a.rivals(r, o, objects, name)
		}
	}
	return f
}

// rivals are the other spellings of a fact that are present and say something else. A field chosen by the user has none.
func (a *answer) rivals(r role, o object, objects []object, taken string) []Field {
	var rivals []Field
	for _, name := range r.known {
		value, ok := o[name]
		blank := r.name != "value" && label(value) == ""
		if ok && name != taken && r.chosen == "" && !r.spare && !blank && !a.same(value, o[taken]) {
			rivals = append(rivals, a.field(name, name, objects))
		}
	}
	return rivals
}

// same reports whether two values say the same, if only as one moment in two forms.
func (a *answer) same(one, other any) bool {
	first, isTime := a.time(one)
	second, isTimeToo := a.time(other)
	return a.show(one) == a.show(other) || isTime && isTimeToo && first.Equal(second)
}

// field describes one that some objects have.
func (a *answer) field(shown, name string, objects []object) Field {
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

func (a *answer) short(text string) string { return cut(a.key.scrubError(text), maxField) }

// show writes a value as JSON would, for people: text without quotes, lists and objects by their kind.
func (a *answer) show(value any) string {
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
