package innius

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
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
	r := request{op: ir.Operation, startKey: ir.StartKey}
	if r.op != OpCompany {
		r.company, r.limit = ir.Ref.Company, c.opts.PageSize
	}
	if r.op == OpSensors || r.op == OpValues {
		r.machine = ir.Ref.Machine
	}
	if r.op == OpValues {
		ahead, _ := c.ClockDifference()
		r.sensor, r.to = ir.Ref.Sensor, time.Now().Add(ahead)
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

func (a *response) form() Form {
	body := bytes.TrimSpace(a.body)
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
