package innius

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Company is the account's company.
type Company struct{ ID, Name string }

// Machine is one machine of a company.
type Machine struct{ ID, Name string }

// Sensor is one sensor of a machine. Unit is as the API spells it, empty where it names none.
type Sensor struct{ ID, Name, Unit string }

// Attempt describes one request that was sent, for metrics.
type Attempt struct {
	Operation Operation
	Status    int           // 0: no response
	Duration  time.Duration // without the wait for the rate limit
}

// Options configures a Client. BaseURL, Key and Pacer are required; every other zero value means its default.
type Options struct {
	BaseURL    *url.URL               // https, or http to a loopback address; no userinfo, query or fragment
	AllowHTTP  bool                   // permits http to any host: the key then crosses the network readable
	Key        func() (Secret, error) // called before each attempt, so that a rotated key is used at once
	Pacer      *Pacer                 // shared by all that use the same key
	HTTPClient *http.Client           // default: http.DefaultTransport; its redirect policy is replaced
	Timeout    time.Duration          // of one attempt, without the wait for the rate limit; default 10 s
	PageSize   int                    // limit of lists and values; default 100
	Lookback   time.Duration          // {from} at first sight of a sensor; default 24 h
	Endpoints  Endpoints
	Fields     Fields
	UserAgent  string
	Observe    func(Attempt) // called after each attempt; must be safe for concurrent use
}

// Client sends the requests of one account. Safe for concurrent use.
type Client struct {
	opts Options
	http http.Client
	base string         // BaseURL without a slash at the end
	zone *time.Location // of Fields.TimeZone; nil where that is empty

	mu   sync.Mutex
	used Secret // the key of the latest attempt; empty after one that could not read it
	last Secret // the last key that was read, by this client or by the one that it replaced

	clock atomic.Pointer[time.Duration] // how far the API's clock is ahead of ours; nil before the first Date header

	learned learned
}

// New makes a client. It returns an error where the base URL or a template could hand the key to the wrong party.
func New(opts Options) (*Client, error) {
	if opts.BaseURL == nil || opts.Key == nil || opts.Pacer == nil {
		return nil, errors.New("base URL, key and pacer are required")
	}
	if err := CheckBaseURL(opts.BaseURL, opts.AllowHTTP); err != nil {
		return nil, err
	}
	for _, op := range Operations {
		if err := CheckEndpoint(op, opts.Endpoints.Of(op)); err != nil { // ".elsewhere.example/" would lengthen the host's name
			return nil, fmt.Errorf("endpoint of %s: %w", op, err)
		}
	}
	zone, err := TimeZone(opts.Fields.TimeZone)
	if err != nil {
		return nil, err
	}
	opts.Timeout = cmp.Or(opts.Timeout, 10*time.Second)
	opts.PageSize = cmp.Or(opts.PageSize, 100)
	opts.Lookback = cmp.Or(opts.Lookback, 24*time.Hour)
	if opts.Observe == nil {
		opts.Observe = func(Attempt) {}
	}
	c := &Client{opts: opts, base: strings.TrimRight(opts.BaseURL.String(), "/"), zone: zone}
	if opts.HTTPClient != nil {
		c.http = *opts.HTTPClient
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// CheckBaseURL refuses a base URL that could hand the key to the wrong party: another scheme than https (http only to
// a loopback address or with allowHTTP), no host, or userinfo, query or fragment. Its errors do not repeat the URL.
func CheckBaseURL(u *url.URL, allowHTTP bool) error {
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("must start with https://")
	case u.Hostname() == "":
		return errors.New("has no host")
	case u.User != nil:
		return errors.New("must not contain a user or password: the API is authenticated by its key")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("must not contain a query or fragment: it is the base that the endpoints' paths are added to")
	case u.Scheme == "http" && !allowHTTP && !Loopback(u.Hostname()):
		return errors.New("must start with https://: over http everyone on the network path can read the key " +
			"(allow_http: true permits it)")
	}
	return nil
}

// Loopback reports whether a host is this machine, so that http:// shows the key to no other.
func Loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}

// Company requests the company that the key belongs to.
func (c *Client) Company(ctx context.Context) (Company, error) {
	page, err := c.page(ctx, c.request(OpCompany, SensorRef{}, ""), "get the company")
	if err != nil {
		return Company{}, err
	}
	return Company{ID: page.Items[0].ID, Name: page.Items[0].Name}, nil
}

// KeyChanged reports whether the key source now holds another key than the latest attempt used: after a failure of
// the key, the sign that it is worth trying again. It sends nothing.
func (c *Client) KeyChanged() bool {
	key, err := c.opts.Key()
	used, _ := c.keys()
	return err == nil && !key.Empty() && key != used
}

// SharesKey reports whether the key source holds the key that the other client's latest attempt used, or, where there was
// none, holds itself. It sends nothing.
func (c *Client) SharesKey(other *Client) bool {
	_, last := other.keys()
	if last.Empty() {
		last, _ = other.opts.Key() // none is not shared
	}
	key, err := c.opts.Key()
	return err == nil && !key.Empty() && key == last
}

// TakeOver copies what another client of the same account knows: the key that it used last and the clock difference.
func (c *Client) TakeOver(other *Client) {
	_, last := other.keys()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = last
	c.clock.Store(other.clock.Load())
}

// keys returns the key of the latest attempt, and the last that was read.
func (c *Client) keys() (used, last Secret) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.used, c.last
}

// ClockDifference returns how far the API's clock is ahead of Now (negative: behind), by the Date header of the latest response
// that had one; differences below 2 s count as 0. The second result is false before the first such
// response where AssumeClockDifference set none.
func (c *Client) ClockDifference() (time.Duration, bool) {
	if d := c.clock.Load(); d != nil {
		return *d, true
	}
	return 0, false
}

// AssumeClockDifference sets the difference that holds until a response has a Date header, as an earlier process knew it.
func (c *Client) AssumeClockDifference(ahead time.Duration) { c.clock.CompareAndSwap(nil, &ahead) }

// apiTime returns the time by the API's clock; as long as that is not known, the wall clock's.
func (c *Client) apiTime() time.Time {
	if ahead, known := c.ClockDifference(); known {
		return Now().Add(ahead)
	}
	return time.Now() //nolint:forbidigo // it is the wall clock that is meant
}

func (c *Client) noteClock(date, came time.Time) {
	d := date.Sub(came.Truncate(time.Second))
	if d.Abs() < clockNoise {
		d = 0
	}
	c.clock.Store(&d)
}

// CloseIdleConnections closes the connections that no request uses. A client that is no longer used would keep them open.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

func (c *Client) key() (Secret, error) {
	key, err := c.opts.Key()
	if err == nil && key.Empty() {
		err = errors.New("it is empty")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.used = Secret{} // the same key is tried again as soon as it can be read
		return Secret{}, &KeyError{Err: err}
	}
	c.used, c.last = key, key
	remember(key, leastPart)
	return key, nil
}

// Page is one page of a list. Next is the start_key of the page after it, empty at the end; documented as a number
// or null, and taken as text where it is text.
type Page[T any] struct {
	Items []T
	Next  string
}

// Machines reads one page of the machines of a company: that of a start key, the first where it is empty.
func (c *Client) Machines(ctx context.Context, company, startKey string) (Page[Machine], error) {
	page, err := c.page(ctx, c.request(OpMachines, SensorRef{Company: company}, startKey), "list the machines")
	machines := Page[Machine]{Next: page.Next}
	for _, m := range page.Items {
		machines.Items = append(machines.Items, Machine{ID: m.ID, Name: m.Name})
	}
	return machines, err
}

// Sensors reads one page of the sensors of a machine, as Machines does.
func (c *Client) Sensors(ctx context.Context, company, machine, startKey string) (Page[Sensor], error) {
	ref := SensorRef{Company: company, Machine: machine}
	return c.page(ctx, c.request(OpSensors, ref, startKey), "list the sensors of machine "+quotedID(machine))
}

func (c *Client) request(op Operation, ref SensorRef, startKey string) request {
	return request{op: op, ref: ref, limit: c.opts.PageSize, startKey: startKey}
}

// page requests one page of companies, machines or sensors. Companies and machines have no unit.
func (c *Client) page(ctx context.Context, r request, what string) (page Page[Sensor], err error) {
	resp, err := c.get(ctx, r)
	var l list
	if err == nil {
		l, err = readList(resp)
	}
	if err == nil {
		page.Next = l.next
		page.Items, err = l.items()
	}
	if err != nil {
		return Page[Sensor]{}, fmt.Errorf("%s: %w", what, err)
	}
	return page, nil
}

// Newest reads the newest readings of a sensor. since is the time of the newest reading held, usable or not, zero at first sight.
// Where pages ascend and go on it follows at most five, with a window ({from_...} in the template) by jumping close to
// the end, without one by next_key, and returns in Cursor where to go on. A remembered key that the API refuses, or
// that leads to nothing, is dropped and reading starts again once. With an error, the result holds what was read before it.
//
// What an API may do with a window is assumed. One that ignores it is recognised by readings older than from, and read by
// next_key. A window is never longer than Options.Lookback; where a 400 or 422 refuses one, an eighth of it is tried,
// and so on down to an hour, and the length that was accepted is the longest from then on, for as long as the client lives. A
// 404 is an empty list if the window holds no reading that is known to exist; the newest one held, where Lookback permits, is
// included to find out. So a sensor that is gone fails until its newest reading is as old as Lookback; at first sight it has
// no readings.
func (c *Client) Newest(ctx context.Context, ref SensorRef, since time.Time, cursor Cursor) (Newest, error) {
	w := &walk{
		client: c, request: c.request(OpValues, ref, cursor.Key), since: since, resumed: cursor.Key != "",
		longest: c.learned.longest(c.opts.Lookback), found: Newest{Cursor: cursor},
		ascends: cursor.Key != "" && cursor.Order == Ascending,
	}
	w.request.from = since
	if c.learned.notFound.Load() && !since.IsZero() {
		w.request.from = w.including()
	}
	err := w.read(ctx)
	w.found.Missed = w.missed()
	if len(w.found.Missed) > 0 && len(w.runs) == 1 && !w.request.from.After(since) {
		c.learned.cut.Store(true)
	}
	slices.SortStableFunc(w.found.Readings, func(a, b Reading) int { return a.Time.Compare(b.Time) })
	if err != nil {
		err = fmt.Errorf("get the values of sensor %s of machine %s: %w", quotedID(ref.Sensor), quotedID(ref.Machine), err)
	}
	return w.found, err
}

// Inspect sends one request within the rate limit, never repeated, and returns what came of it.
func (c *Client) Inspect(ctx context.Context, ir InspectRequest) *Inspection {
	r := c.request(ir.Operation, ir.Ref, ir.StartKey)
	if r.op == OpValues {
		longest := c.opts.Lookback
		if !ir.From.IsZero() {
			longest = math.MaxInt64
		}
		r.from, r.to = window(ir.From, c.apiTime(), longest)
	}
	start := Now()
	resp, err := c.attempt(ctx, r)
	in := &Inspection{
		Operation: r.op, Request: c.Redact(c.opts.Endpoints.expand(r)), Sent: resp != nil || hasLeft(err),
		Duration: Now().Sub(start), Err: err, From: r.from,
	}
	if resp != nil {
		in.Duration = resp.took
		in.head(resp)
		if err == nil {
			in.understand(c.Windowed())
		}
	}
	return in
}

// Reread reads the response of an inspection with the fields of this client and sends nothing. The inspection must have
// the status code 200.
func (c *Client) Reread(in *Inspection) *Inspection {
	resp := *in.response
	resp.fields, resp.zone = c.opts.Fields, c.zone
	again := &Inspection{Operation: in.Operation, Request: in.Request, Duration: in.Duration, From: in.From}
	again.head(&resp)
	again.understand(c.Windowed())
	return again
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

// Redact makes a text safe to show: the key replaced, control characters removed, cut.
func (c *Client) Redact(text string) string {
	key, _ := c.keys()
	if key.Empty() {
		key, _ = c.opts.Key() // without a key there is nothing to hide
	}
	return key.redactError(text)
}

// Windowed reports whether requests for values have a window of time.
func (c *Client) Windowed() bool { return c.opts.Endpoints.windowed() }

// PageSize returns how many readings a full page of values holds: Options.PageSize, or fewer if no page has held as many although
// another followed, or the reading held was further back. Assumed: the largest page is full then. Known for as long as the client
// lives. Safe for concurrent use.
func (c *Client) PageSize() int {
	if !c.learned.followed.Load() && !c.learned.cut.Load() {
		return c.opts.PageSize
	}
	return min(int(c.learned.largest.Load()), c.opts.PageSize)
}
