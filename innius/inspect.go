package innius

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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
	NextIn   string  `json:"-"`                        // the object that holds next_key; empty: the top level, or data
	Facts    []Fact  `json:"facts,omitempty"`          // what each item states
	Unknown  []Field `json:"not_understood,omitempty"` // other fields

	IDs     []string `json:"-"` // of companies, machines or sensors; empty where one has none
	Objects []Sensor `json:"-"` // the company, the machines or the sensors, where all could be read
	Values  Values   `json:"values,omitzero"`

	response *response // nil: none
}

// With returns a client with other options that shares the pacer and the connections of this one.
func (c *Client) With(change func(*Options)) (*Client, error) {
	o := c.opts
	change(&o)
	other, err := New(o)
	if err == nil {
		other.clock.Store(c.clock.Load())
	}
	return other, err
}

// Form names what a body is.
type Form string

// The forms of a body.
const (
	FormEmpty Form = "empty"
	FormHTML  Form = "HTML"
	FormJSON  Form = "JSON"
	FormOther Form = "neither JSON nor HTML"
)

// Inspect sends one request, paced like every other and never repeated, and returns what came of it.
func (c *Client) Inspect(ctx context.Context, ir InspectRequest) *Inspection {
	r := c.requestOf(ir)
	start := time.Now()
	a, err := c.attempt(ctx, r)
	took := time.Since(start)
	if a != nil {
		took = a.took
	}
	in := &Inspection{
		Operation: r.op, Request: c.Scrub(c.opts.Endpoints.expand(r)), Sent: sent(ctx, a, err),
		Duration: took, Err: err, From: r.from,
	}
	if a != nil {
		in.head(a)
	}
	if a != nil && err == nil {
		c.understand(in)
	}
	return in
}

// Reread reads the response of an inspection with the fields of this client and sends nothing. The inspection must have
// the status code 200.
func (c *Client) Reread(in *Inspection) *Inspection {
	a := *in.response
	a.fields, a.zone = c.opts.Fields, c.zone
	again := &Inspection{Operation: in.Operation, Request: in.Request, Duration: in.Duration, From: in.From}
	again.head(&a)
	c.understand(again)
	return again
}

// Scrub makes a text safe to show: the key replaced, control characters removed, cut.
func (c *Client) Scrub(text string) string {
	c.mu.Lock()
	key := c.used
	c.mu.Unlock()
	if key.Empty() {
		key, _ = c.opts.Key() // without a key there is nothing to hide
	}
	return key.redactError(text)
}

// Windowed reports whether requests for values have a window of time.
func (c *Client) Windowed() bool { return c.opts.Endpoints.windowed() }

func (c *Client) requestOf(ir InspectRequest) request {
	r := c.listRequest(ir.Operation, ir.Ref, ir.StartKey)
	switch r.op {
	case OpCompany:
		r.limit = 0
	case OpValues:
		ahead, _ := c.ClockDifference()
		r.to = time.Now().Add(ahead)
		r.from = cmp.Or(ir.From, r.to.Add(-c.opts.Lookback))
		if latest := r.to.Add(-latestFrom); r.from.After(latest) {
			r.from = latest
		}
	}
	return r
}

// sent reports whether a request left: not if the pacer is paused, the key could not be read, there was no connection, or
// the caller stopped waiting for the pacer.
func sent(ctx context.Context, a *response, err error) bool {
	if _, unread := errors.AsType[*KeyError](err); unread || errors.Is(err, ErrPaused) {
		return false
	}
	if e, ok := errors.AsType[*NetworkError](err); ok && a == nil {
		return e.Sent
	}
	return a != nil || ctx.Err() == nil
}

// head sets what does not depend on the shape of the body.
func (in *Inspection) head(a *response) {
	in.response, in.Status = a, a.status
	in.Location = a.key.redactError(a.header.Get("Location"))
	if date, err := http.ParseTime(a.header.Get("Date")); err == nil {
		in.Date, in.ClockAhead = date, date.Sub(a.came.Truncate(time.Second)) // the header has whole seconds
	}
	in.Form, in.Raw = a.form(), a.raw()
}

func (r *response) form() Form {
	body := bytes.TrimSpace(r.body)
	switch {
	case len(body) == 0:
		return FormEmpty
	case body[0] == '<':
		return FormHTML
	case json.Valid(body):
		return FormJSON
	}
	return FormOther
}

// understand reads the response as the exporter does.
func (c *Client) understand(in *Inspection) {
	a := in.response
	find := func() (list, error) { return a.list(in.Operation) }
	if in.Operation == OpCompany {
		find = a.companyObject
	}
	l, err := find()
	in.List, in.Items, in.Next, in.NextForm = a.key.redactError(l.where), len(l.objects), l.next, l.nextForm
	in.NextIn = a.key.redactError(l.nextIn)
	in.facts(a, l)
	switch {
	case err != nil:
		in.Err = err
	case in.Operation == OpValues:
		page, err := a.readings(l.objects)
		in.Err, in.Values = err, summary(page, l.objects, a)
		in.Values.WindowIgnored = c.Windowed() && windowIgnored(page, in.From, in.Next)
	default:
		in.Objects, in.Err = readAll(a, l.objects, (*response).sensor)
	}
}

func readAll[T any](a *response, objects []object, read func(*response, object) (T, error)) ([]T, error) {
	items := make([]T, len(objects))
	for i, o := range objects {
		var err error
		if items[i], err = read(a, o); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// Values is what a page of values shows.
type Values struct {
	Readings      []Reading          `json:"-"`      // in the order of the page
	Usable        int                `json:"usable"` // readings with a number
	Order         Order              `json:"order,omitempty"`
	Mixed         bool               `json:"mixed,omitempty"` // some readings contradict the order
	Oldest        time.Time          `json:"oldest,omitzero"`
	Newest        time.Time          `json:"newest,omitzero"`
	TimeForm      string             `json:"time_form,omitempty"` // such as "epoch milliseconds, a number"; empty: no time was understood
	Skipped       map[SkipReason]int `json:"skipped,omitempty"`   // by the reason that makes them unusable
	WindowIgnored bool               `json:"-"`                   // the readings show that the API ignored the window
}

// summary describes a page as a whole.
func summary(page []Reading, objects []object, a *response) Values {
	v := Values{Readings: page, Order: orderOf(page), Skipped: map[SkipReason]int{}}
	var before time.Time
	for i, r := range page {
		if r.Skip == "" {
			v.Usable++
		} else {
			v.Skipped[r.Skip]++
		}
		if r.Time.IsZero() {
			continue
		}
		if v.TimeForm == "" {
			stamp, _ := objects[i].pick(a.fields.roles(OpValues)[0])
			_, form, _ := readTime(plain(stamp), a.zone)
			v.TimeForm, v.Oldest, v.Newest = form+", "+kind(stamp), r.Time, r.Time
		}
		v.Oldest = slices.MinFunc([]time.Time{v.Oldest, r.Time}, time.Time.Compare)
		v.Newest = slices.MaxFunc([]time.Time{v.Newest, r.Time}, time.Time.Compare)
		step := r.Time.Compare(before)
		v.Mixed = v.Mixed || !before.IsZero() && (v.Order == Ascending && step < 0 || v.Order == Descending && step > 0)
		before = r.Time
	}
	return v
}

// PagesToNewest estimates, for a page whose oldest readings come first, how many more pages lead to the newest reading, and
// whether the exporter, which reads MaxValuePages in one poll, then holds one that is less than a day old.
func (in *Inspection) PagesToNewest() (pages int, reachable bool) {
	covered := max(1, in.Values.Newest.Sub(in.Values.Oldest))
	age := time.Since(in.Values.Newest) + in.ClockAhead
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
func (r *response) same(one, other any) bool {
	first, isTime := r.time(one)
	second, isTimeToo := r.time(other)
	return r.show(one) == r.show(other) || isTime && isTimeToo && first.Equal(second)
}

// field describes a field that some objects have.
func (r *response) field(shown, name string, objects []object) Field {
	f := Field{Name: r.short(shown), Distinct: len(objects) > 0}
	seen := map[string]bool{}
	for _, o := range objects {
		value, ok := o[name]
		text := plain(value)
		f.Distinct = f.Distinct && text != "" && !seen[text]
		seen[text] = true
		if !ok || f.Example != "" {
			continue
		}
		f.Example = r.show(value)
		_, f.Time = r.time(value)
		_, _, why := r.number(value)
		f.Number = why == ""
	}
	f.Constant = len(objects) > 1 && len(seen) == 1 && !seen[""]
	return f
}

func (r *response) short(text string) string { return cut(r.key.redactError(text), maxField) }

// show writes a value for people: text without quotes, lists and objects by their kind, the rest as JSON.
func (r *response) show(value any) string {
	switch value.(type) {
	case map[string]any, []any:
		return kind(value)
	case string, json.Number:
		return r.short(plain(value))
	}
	text, _ := json.Marshal(value) // null, or a boolean
	return string(text)
}

// SkipReasons lists the reasons that occur, in a fixed order.
func (v Values) SkipReasons() []SkipReason { return slices.Sorted(maps.Keys(v.Skipped)) }

// raw is the beginning of the body. In JSON that is too long, only lists are shortened, so that its whole shape shows. The
// key is redacted in the whole body first, so that no part of it can remain where the text is cut. JSON whose escapes hide
// the key is encoded again without it.
func (r *response) raw() string {
	text := string(r.body)
	if value, err := r.parse(); err == nil {
		before := compact(value)
		clean := r.key.outOf(value)
		switch after := compact(clean); {
		case len(text) > maxRaw:
			text = compact(abridged(clean))
		case after != before:
			text = after
		}
	}
	return cut(strings.Join(strings.Fields(r.key.redact(spaced(text))), " "), maxRaw)
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
