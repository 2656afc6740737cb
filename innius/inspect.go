package innius

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// Ask is one request of an operation, for an Inspection. Zero values mean what the exporter would ask for.
type Ask struct {
	Operation Operation
	Ref       SensorRef // the ids that the operation needs
	StartKey  string    // of a page after the first
	From      time.Time // start of the window of values; default: now minus Options.Lookback
}

// Inspection is what one request brought and how it was understood: by the same code that the exporter reads with. Every
// text in it is scrubbed and cut.
type Inspection struct {
	Operation Operation     `json:"operation"`
	Asked     string        `json:"asked"`  // path and query below the base URL
	Sent      bool          `json:"-"`      // false: it never left, for want of a key, of allowance or of a connection
	Status    int           `json:"status"` // 0: no response
	Duration  time.Duration `json:"-"`      // of the request
	Err       error         `json:"-"`      // what the exporter would have got instead of a result

	Date       time.Time     `json:"-"` // the API's clock; zero where the response has none
	ClockAhead time.Duration `json:"-"` // of the API's clock before ours
	Location   string        `json:"-"` // target of a redirect
	Form       Form          `json:"-"` // of the body
	Raw        string        `json:"-"` // the body's beginning
	From       time.Time     `json:"-"` // of the window of values

	List     string  `json:"list_at,omitempty"`        // where the list was found, or the company, such as "data.items"
	Items    int     `json:"items"`                    // in it
	Next     string  `json:"-"`                        // start_key of the next page; empty at the end
	NextForm string  `json:"next_key,omitempty"`       // what next_key is: "a number", "text", "null"; empty: there is none
	NextIn   string  `json:"-"`                        // the object that holds next_key; empty: the top level, or data
	Facts    []Fact  `json:"facts,omitempty"`          // what each item states
	Unknown  []Field `json:"not_understood,omitempty"` // fields

	IDs      []string  `json:"-"` // of the items, but of values; empty where one has none
	Company  Company   `json:"-"`
	Machines []Machine `json:"-"`
	Sensors  []Sensor  `json:"-"`
	Values   Values    `json:"values,omitzero"`

	answer *answer // nil: none came
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

// Form says what a body is.
type Form string

// The forms of a body.
const (
	FormEmpty Form = "empty"
	FormHTML  Form = "HTML"
	FormJSON  Form = "JSON"
	FormOther Form = "neither JSON nor HTML"
)

// Inspect sends one request, paced like all others and never repeated, and returns what came of it.
func (c *Client) Inspect(ctx context.Context, ask Ask) *Inspection {
	r := c.requestOf(ask)
	start := time.Now()
	a, err := c.attempt(ctx, r)
	took := time.Since(start)
	if a != nil {
		took = a.took
	}
	in := &Inspection{
		Operation: ask.Operation, Asked: c.Scrub(c.opts.Endpoints.expand(r)), Sent: sent(ctx, a, err),
		Duration: took, Err: err, From: r.from,
	}
	if a == nil {
		return in
	}
	in.answer = a
	in.head(a)
	if err == nil {
		in.understand(a)
	}
	return in
}

// Reread decodes the response of an inspection with the fields of this client and sends nothing. The inspection must have
// the status code 200.
func (c *Client) Reread(in *Inspection) *Inspection {
	a := *in.answer
	a.fields, a.zone = c.opts.Fields, c.zone
	again := &Inspection{Operation: in.Operation, Asked: in.Asked, Duration: in.Duration, From: in.From, answer: &a}
	again.head(&a)
	again.understand(&a)
	return again
}

// Scrub makes a text safe to show: the key replaced, control characters out, cut.
func (c *Client) Scrub(text string) string {
	c.mu.Lock()
	key := c.used
	c.mu.Unlock()
	if key.Empty() {
		key, _ = c.opts.Key() // without a key there is nothing to hide
	}
	return key.scrubError(text)
}

// Windowed reports whether the values are asked for by a window of time.
func (c *Client) Windowed() bool { return c.opts.Endpoints.windowed() }

func (c *Client) requestOf(ask Ask) request {
	r := request{op: ask.Operation, startKey: ask.StartKey}
	if r.op != OpCompany {
		r.company, r.limit = ask.Ref.Company, c.opts.PageSize
	}
	if r.op == OpSensors || r.op == OpValues {
		r.machine = ask.Ref.Machine
	}
	if r.op == OpValues {
		ahead, _ := c.ClockDifference()
		r.sensor, r.to = ask.Ref.Sensor, time.Now().Add(ahead)
		r.from = cmp.Or(ask.From, r.to.Add(-c.opts.Lookback))
		if latest := r.to.Add(-latestFrom); r.from.After(latest) {
			r.from = latest
		}
	}
	return r
}

// sent reports whether a request left: not where the pacer is paused, the key could not be read, there was no connection,
// or the caller gave up while waiting for allowance.
func sent(ctx context.Context, a *answer, err error) bool {
	if _, unread := errors.AsType[*KeyError](err); unread || errors.Is(err, ErrPaused) {
		return false
	}
	if e, ok := errors.AsType[*NetworkError](err); ok && a == nil {
		return e.Sent
	}
	return a != nil || ctx.Err() == nil
}

// head takes over what does not depend on the shape of the answer.
func (in *Inspection) head(a *answer) {
	in.Status = a.status
	in.Location = a.key.scrubError(a.header.Get("Location"))
	if date, err := http.ParseTime(a.header.Get("Date")); err == nil {
		in.Date, in.ClockAhead = date, date.Sub(a.came.Truncate(time.Second)) // the header has whole seconds
	}
	in.Form, in.Raw = a.form(), a.raw()
}

func (a *answer) form() Form {
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

// understand reads the answer as the exporter does.
func (in *Inspection) understand(a *answer) {
	find := func() (list, error) { return a.list(in.Operation) }
	if in.Operation == OpCompany {
		find = a.companyObject
	}
	l, err := find()
	in.List, in.Items, in.Next, in.NextForm = a.key.scrubError(l.where), len(l.objects), l.next, l.nextForm
	in.NextIn = a.key.scrubError(l.nextIn)
	in.facts(a, l)
	if in.Err = err; err == nil {
		in.Err = in.read(a, l.objects)
	}
}

func (in *Inspection) read(a *answer, objects []object) (err error) {
	switch in.Operation {
	case OpCompany:
		in.Company, err = a.company()
	case OpMachines:
		in.Machines, err = readAll(a, objects, (*answer).machine)
	case OpSensors:
		in.Sensors, err = readAll(a, objects, (*answer).sensor)
	case OpValues:
		var page []Reading
		page, err = a.readings(objects)
		in.Values = summary(page, objects, a)
	}
	return err
}

func readAll[T any](a *answer, objects []object, read func(*answer, object) (T, error)) ([]T, error) {
	items := make([]T, len(objects))
	for i, o := range objects {
		var err error
		if items[i], err = read(a, o); err != nil {
			return nil, err
		}
	}
	return items, nil
}
