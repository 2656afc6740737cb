package innius

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// InspectRequest is one request for Inspect. Zero values mean what the exporter would send.
type InspectRequest struct {
	Operation Operation
	Ref       SensorRef // the ids that the operation needs
	StartKey  string    // of a page after the first
	From      time.Time // start of the window of values; default: Options.Lookback before now
}

// Inspection is one request, its response, and what the exporter makes of it: it is read by the same code. Every text in it
// is redacted and cut.
type Inspection struct {
	Operation Operation     `json:"operation"`
	Request   string        `json:"request"` // path and query below the base URL
	Sent      bool          `json:"-"`       // false: there was no key, no request left in the rate limit, or no connection
	Status    int           `json:"status"`  // 0: no response
	Duration  time.Duration `json:"-"`       // of the request
	Err       error         `json:"-"`       // what the exporter would have got instead of a result

	Date       time.Time     `json:"-"` // the API's clock; zero where the response has none
	ClockAhead time.Duration `json:"-"` // of the API's clock before ours
	Location   string        `json:"-"` // target of a redirect
	Form       Form          `json:"-"` // of the body
	Raw        string        `json:"-"` // the beginning of the body
	From       time.Time     `json:"-"` // start of the window of values

	List     string  `json:"list_at,omitempty"`        // where the list or the company was found, such as "data.items"
	Items    int     `json:"items"`                    // in it
	Next     string  `json:"-"`                        // start_key of the next page; empty at the end
	NextForm string  `json:"next_key,omitempty"`       // what next_key is: "a number", "text", "null"; empty: there is none
	Facts    []Fact  `json:"facts,omitempty"`          // what each item states
	Unknown  []Field `json:"not_understood,omitempty"` // other fields

	IDs     []string `json:"-"` // of companies, machines or sensors; empty where one has none
	Objects []Sensor `json:"-"` // the company, the machines or the sensors, where all could be read
	Values  Values   `json:"values,omitzero"`

	response *response // nil: none
}

// Form names what a body is.
type Form string

// The forms of a body; empty for any other.
const (
	FormEmpty Form = "empty"
	FormHTML  Form = "HTML"
	FormJSON  Form = "JSON"
)

// hasLeft reports whether a request left that has no response. It did not if the pacer is paused, the key could not be read,
// there was no connection, or the caller stopped waiting for the pacer.
func hasLeft(err error) bool {
	if network, ok := errors.AsType[*NetworkError](err); ok {
		return network.Sent
	}
	return is[*ResponseError](err) // its header was too large
}

// head sets what does not depend on the shape of the body.
func (in *Inspection) head(r *response) {
	in.response, in.Status = r, r.status
	in.Location = r.key.redactError(r.header.Get("Location"))
	if date, err := http.ParseTime(r.header.Get("Date")); err == nil {
		in.Date, in.ClockAhead = date, date.Sub(r.came.Truncate(time.Second)) // the header has whole seconds
	}
	in.Form, in.Raw = in.form(), in.raw()
}

func (in *Inspection) form() Form {
	body := bytes.TrimSpace(in.response.body)
	switch {
	case len(body) == 0:
		return FormEmpty
	case body[0] == '<':
		return FormHTML
	case json.Valid(body):
		return FormJSON
	}
	return "" // such as plain text
}

// understand reads the response as the exporter does.
func (in *Inspection) understand(windowed bool) {
	r := in.response
	l, err := readList(r)
	in.List, in.Items, in.Next, in.NextForm = r.key.redactError(l.where), len(l.objects), l.next, l.nextForm
	in.facts(l)
	switch {
	case err != nil:
		in.Err = err
	case in.Operation == OpValues:
		page, err := l.readings()
		in.Err, in.Values = err, in.summary(page, l.objects)
		in.Values.WindowIgnored = windowed && windowIgnored(page, in.From, in.Next)
	default:
		in.Objects, in.Err = l.items()
	}
}

// Values is what a page of values shows.
type Values struct {
	Readings      []Reading          `json:"-"`      // in the order of the page
	Usable        int                `json:"usable"` // readings with a number
	Order         Order              `json:"order,omitempty"`
	Mixed         bool               `json:"mixed,omitempty"` // some readings contradict the order
	Oldest        time.Time          `json:"oldest,omitzero"`
	Newest        time.Time          `json:"newest,omitzero"`
	TimeForm      string             `json:"time_form,omitempty"` // such as "epoch milliseconds, a number"; empty: none
	Skipped       map[SkipReason]int `json:"skipped,omitempty"`   // by the reason that makes them unusable
	WindowIgnored bool               `json:"-"`                   // the readings show that the API ignored the window
}

// summary describes a page as a whole.
func (in *Inspection) summary(page []Reading, objects []object) Values {
	v := Values{Readings: page, Order: orderOf(page), Skipped: map[SkipReason]int{}}
	for i, reading := range page {
		if reading.Skip == "" {
			v.Usable++
		} else {
			v.Skipped[reading.Skip]++
		}
		if v.TimeForm == "" && !reading.Time.IsZero() {
			stamp := objects[i].pick(in.response.fields.roles(OpValues)[0])
			_, form, _ := readTime(plain(stamp), in.response.zone)
			v.TimeForm = form + ", " + kind(stamp)
		}
	}
	if times := timesOf(page); len(times) > 0 {
		v.Oldest, v.Newest = slices.MinFunc(times, time.Time.Compare), slices.MaxFunc(times, time.Time.Compare)
		if v.Order == Descending {
			slices.Reverse(times)
		}
		v.Mixed = v.Order != Unknown && !slices.IsSortedFunc(times, time.Time.Compare)
	}
	return v
}

// PagesToNewest estimates, for a page whose oldest readings come first, how many more pages lead to the newest reading, and
// whether the exporter, which reads MaxValuePages in one poll, then holds one that is less than a day old.
func (in *Inspection) PagesToNewest() (pages int, reachable bool) {
	covered := max(1, in.Values.Newest.Sub(in.Values.Oldest))
	age := Now().Add(in.ClockAhead).Sub(in.Values.Newest)
	return 1 + int(age/covered), age-(MaxValuePages-1)*covered < farBehind
}

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
func (in *Inspection) facts(l list) {
	r, known := in.response, map[string]bool{}
	roles := r.fields.roles(in.Operation)
	for _, role := range roles {
		if len(l.objects) > 0 {
			in.Facts = append(in.Facts, in.fact(role, l.objects))
		}
		for _, name := range role.spellings() {
			known[name] = true
		}
	}
	for _, owner := range r.fields.owners(r.request) {
		for _, name := range owner.known {
			known[name] = true
		}
	}
	for _, o := range l.objects {
		id := o.pick(roles[0])
		if in.Operation == OpValues || r.key.In(plain(id)) {
			id = nil
		}
		in.IDs = append(in.IDs, plain(id))
		for name := range o {
			if !known[name] {
				known[name] = true
				in.Unknown = append(in.Unknown, in.field(name, name, l.objects))
			}
		}
	}
	for prefix, level := range map[string]object{"": l.whole, "data.": l.inside} {
		for name := range level {
			if name != "next_key" && !slices.Contains([]string{"data", l.where, l.nextIn}, prefix+name) {
				f := in.field(prefix+name, name, []object{level})
				f.Outer = true
				in.Unknown = append(in.Unknown, f)
			}
		}
	}
	slices.SortFunc(in.Unknown, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	in.Unknown = in.Unknown[:min(len(in.Unknown), maxUnknown)]
}

func (in *Inspection) fact(role role, objects []object) Fact {
	f := Fact{Name: role.name, Known: role.spellings()}
	for _, o := range objects {
		name, ok := o.taken(role)
		if !ok || strings.HasSuffix(role.name, "_id") && strings.TrimSpace(plain(o[name])) == "" {
			f.Missing++
			continue
		}
		if f.Field == "" {
			f.Field, f.Example = in.short(name), in.show(o[name])
			for _, other := range in.alternatives(role, o, name) {
				f.Alternatives = append(f.Alternatives, in.field(other, other, objects))
			}
		}
	}
	return f
}

// alternatives are the other spellings of a fact that are present and hold another value. A field chosen by the user has none.
func (in *Inspection) alternatives(role role, o object, taken string) []string {
	if role.chosen != "" || role.isName() {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(role.known), func(name string) bool {
		value, ok := o[name]
		isBlank := role.name != "value" && label(value) == ""
		return !ok || name == taken || isBlank || in.same(value, o[taken])
	})
}

// same reports whether two values are equal, or the same moment in two forms.
func (in *Inspection) same(one, other any) bool {
	first, isTime := in.response.time(one)
	second, isTimeToo := in.response.time(other)
	return in.show(one) == in.show(other) || isTime && isTimeToo && first.Equal(second)
}

// field describes a field that some objects have.
func (in *Inspection) field(shown, name string, objects []object) Field {
	f := Field{Name: in.short(shown), Distinct: len(objects) > 0}
	seen := map[string]bool{}
	for _, o := range objects {
		value, ok := o[name]
		text := plain(value)
		f.Distinct = f.Distinct && text != "" && !seen[text]
		seen[text] = true
		if !ok || f.Example != "" {
			continue
		}
		f.Example = in.show(value)
		_, f.Time = in.response.time(value)
		_, _, why := readNumber(value, in.response.key)
		f.Number = why == ""
	}
	f.Constant = len(objects) > 1 && len(seen) == 1 && !seen[""]
	return f
}

func (in *Inspection) short(text string) string {
	return cut(in.response.key.redactError(text), maxField)
}

// show writes a value for people: text without quotes, lists and objects by their kind, the rest as JSON.
func (in *Inspection) show(value any) string {
	switch value.(type) {
	case map[string]any, []any:
		return kind(value)
	case string, json.Number:
		return in.short(plain(value))
	}
	text, _ := json.Marshal(value) // null, or a boolean
	return string(text)
}

// raw is the beginning of the body. In JSON that is too long, only lists are shortened, so that its whole shape shows. The
// key is redacted in the whole body first, so that no part of it can remain where the text is cut. JSON whose escapes hide
// the key is encoded again without it.
func (in *Inspection) raw() string {
	text := string(in.response.body)
	if value, err := in.response.parse(); err == nil {
		items := len(text) // all
		if len(text) > maxRaw {
			items = maxItems
		}
		if clean := compact(in.response.key.outOf(value, items)); len(text) > maxRaw || clean != compact(value) {
			text = clean
		}
	}
	return cut(strings.Join(strings.Fields(in.response.key.redact(text)), " "), maxRaw)
}

// outOf copies a JSON value with the key redacted in every text and the first items of each list.
func (s Secret) outOf(value any, items int) any {
	switch v := value.(type) {
	case string:
		if s.held(v, leastPart) {
			return s.redact(v)
		}
	case []any:
		first := []any{}
		for i, item := range v {
			if i == items {
				return append(first, fmt.Sprintf("… %d more", len(v)-items))
			}
			first = append(first, s.outOf(item, items))
		}
		return first
	case map[string]any:
		fields := make(map[string]any, len(v))
		for name, item := range v {
			if s.held(name, leastPart) {
				name = s.redact(name)
			}
			fields[name] = s.outOf(item, items)
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
