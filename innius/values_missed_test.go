package innius_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// listing is a way in which an API lists values, and in which the client requests them.
type listing struct {
	name              string
	order             simulator.Order
	windowed, ignored bool
}

func (l *listing) moves() bool { return l.windowed && !l.ignored }

func listings() []listing {
	return []listing{
		{"newest first", simulator.Descending, false, false},
		{"newest first, window", simulator.Descending, true, false},
		{"newest first, window ignored", simulator.Descending, true, true},
		{"ascending", simulator.Ascending, false, false},
		{"ascending, window", simulator.Ascending, true, false},
		{"ascending, window ignored", simulator.Ascending, true, true},
		{"blocks", simulator.Blocks, false, false},
		{"blocks, window", simulator.Blocks, true, false},
	}
}

// scatter is a number below n that depends on a moment only.
func scatter(at time.Time, unit time.Duration, n uint64) uint64 {
	x := uint64(at.UnixNano()/int64(unit)+1) * 0x9e3779b97f4a7c15
	return (x ^ x>>29) * 0xbf58476d1ce4e5b9 >> 33 % n
}

// reporters are sensors of every kind, with outages of 20 min to some hours, from a moment on.
func reporters(since time.Time) map[string]simulator.Sensor {
	on := func(at time.Time) bool { return !at.Before(since) && scatter(at, 20*time.Minute, 5) > 0 }
	changes := func(at time.Time) bool {
		return on(at) && (scatter(at, time.Second, 300) == 0 || scatter(at, time.Minute, 20) == 0)
	}
	return map[string]simulator.Sensor{
		"1 s":       {ID: "oil", Period: time.Second, Exists: on},
		"10 s":      {ID: "oil", Period: 10 * time.Second, Exists: on},
		"60 s":      {ID: "oil", Period: time.Minute, Exists: on},
		"on change": {ID: "oil", Period: time.Second, Exists: changes},
		"batches":   {ID: "oil", Period: 10 * time.Second, Exists: on, Batch: 7 * time.Minute},
		"late":      {ID: "oil", Period: time.Second, Exists: on, Delay: 15 * time.Minute},
	}
}

// account is the account of one sensor's readings over many polls, as a caller keeps it.
type account struct {
	listing
	page     int
	sparse   bool // some pages are empty
	sensor   simulator.Sensor
	requests *recorder
	client   *innius.Client
	since    time.Time
	cursor   innius.Cursor
	proven   bool // a page in ascending order has continued another
	tally
}

// tally counts the readings that exist after the first one read, those that were read, the spans reported, and those among them
// that hold no reading.
type tally struct{ exist, read, spans, empty int }

// poll polls, and checks each reading that exists up to the newest one found, and each span.
func (a *account) poll(t *testing.T) {
	t.Helper()
	before := len(a.requests.uris())
	got, err := a.client.Newest(t.Context(), refTo("oil"), a.since, a.cursor)
	if err != nil && !(a.since.IsZero() && innius.StatusOf(err) == http.StatusNotFound) {
		t.Fatal(err)
	}
	requests, held := a.requests.requests[before:], a.since
	a.cursor = got.Cursor
	if len(got.Readings) == 0 {
		want(t, "missed without readings", len(got.Missed), 0)
		return
	}
	reached := newestOf(t, got).Time
	if held.IsZero() {
		held = got.Readings[0].Time.Add(-1)
	}
	known := map[time.Time]bool{a.since: true}
	for _, r := range got.Readings {
		known[r.Time] = true
	}
	filled := make([]int, len(got.Missed))
	for at := held.Truncate(a.sensor.Period); !at.After(reached); at = at.Add(a.sensor.Period) {
		if !at.After(held) || !a.sensor.Exists(at) {
			continue
		}
		a.exist++
		span := slices.IndexFunc(got.Missed, func(s innius.Span) bool { return at.After(s.From) && at.Before(s.To) })
		switch inside := span >= 0; {
		case known[at] == inside:
			t.Fatalf("%s: the reading of %s is read %t, in a span %t: held %s, found up to %s, missed %v",
				time.Since(noon()), at, known[at], inside, held, reached, got.Missed)
		case inside:
			filled[span]++
		default:
			a.read++
		}
	}
	end := a.since
	for _, s := range got.Missed {
		if s.From.Before(end) || !s.To.After(s.From) || s.To.After(reached) || !known[s.From] || !known[s.To] {
			t.Fatalf("span %v: held %s, reached %s, missed %v", s, a.since, reached, got.Missed)
		}
		end = s.To
	}
	a.spans += len(got.Missed)
	for _, n := range filled {
		if n == 0 {
			a.empty++
		}
	}
	if most := a.most(requests, got); len(got.Missed) > most {
		t.Fatalf("%s: %d spans, %d at most: held %s, missed %v", time.Since(noon()), len(got.Missed), most, a.since, got.Missed)
	}
	a.since = slices.MaxFunc([]time.Time{a.since, reached}, time.Time.Compare)
}

// most is how many spans one poll may report, false ones too: one before each list that the readings held do not reach.
func (a *account) most(requests []*http.Request, got innius.Newest) (spans int) {
	resumed, lists := requests[0].URL.Query().Has("start_key"), 0
	for _, r := range requests {
		if !r.URL.Query().Has("start_key") {
			lists++
		}
	}
	runs := lists
	if resumed {
		runs++
	}
	from, _ := strconv.ParseInt(requests[0].URL.Query().Get("from"), 10, 64)
	oldest, full := got.Readings[0].Time, len(got.Readings) >= a.page
	switch {
	case !a.since.IsZero() && !oldest.After(a.since): // found again, so nothing is missing before the second list
	case a.moves() && resumed: // the list began in a window that is not known any more
		spans = 1
	case a.moves() && time.UnixMilli(from).After(a.since): // the window is too short
		spans = 1
	case a.moves() && full && (a.order != simulator.Ascending || !a.proven): // more may be on a page that was not read
		spans = 1
	case !a.moves() && (a.order != simulator.Ascending || lists > 0): // an API may not keep what is older
		spans = 1
	}
	if a.since.IsZero() {
		spans = 0
	}
	a.proven = a.proven || a.order == simulator.Ascending && len(requests) > runs && !a.sparse
	return spans + max(0, runs-1)
}

// Over all ways to list values, sensors of every kind and any times between polls, each reading that exists is read, or is
// strictly inside a span reported.
func TestNewestReportsEachReadingThatItMissed(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	for _, l := range listings() {
		total := tally{}
		for i := range uint64(36) {
			r := rand.New(rand.NewPCG(i, 13))
			page, kinds := []int{20, 100, 1000}[i%3], []string{"1 s", "10 s", "60 s", "on change", "batches", "late"}
			kind, exclusive := kinds[i/3%6], i/18%2 == 0
			t.Run(fmt.Sprintf("%s/%s/%d a page/exclusive %t/%d", l.name, kind, page, exclusive, i), func(t *testing.T) {
				atNoon(t, func(t *testing.T) {
					age := []time.Duration{10 * time.Minute, 3 * time.Hour, 50 * time.Hour}[r.IntN(3)]
					a := &account{listing: l, page: page, sensor: reporters(noon().Add(-age))[kind]}
					format := simulator.Format{
						Order: l.order, Sparse: max(0, r.IntN(5)-2), NoNextKey: r.IntN(5) == 0,
						CursorTTL: []time.Duration{0, 0, 10 * time.Minute}[r.IntN(3)],
						Window:    simulator.Window{Ignored: l.ignored, Exclusive: exclusive, NotFound: r.IntN(4) == 0},
					}
					a.sparse = format.Sparse > 0
					server := simulator.New(plantOf(a.sensor), simulator.Options{Key: canary, BasePath: "/v1", Format: format})
					a.requests = recorded(server.ServeHTTP)
					change := []func(*innius.Options){pageSize(page), func(o *innius.Options) { o.Lookback = time.Hour << r.IntN(6) }}
					if l.windowed {
						change = append(change, valuesAt(windowed))
					}
					a.client = dial(t, a.requests, change...)
					for range 10 {
						a.poll(t)
						time.Sleep([]time.Duration{1, 10, 60, 300, 1920, 7200}[r.IntN(6)] * time.Second)
						if r.IntN(8) == 0 { // a restart
							a.client, a.proven = dial(t, a.requests, change...), false
						}
					}
					total.exist, total.read = total.exist+a.exist, total.read+a.read
					total.spans, total.empty = total.spans+a.spans, total.empty+a.empty
				})
			})
		}
		t.Logf("%s: %+v", l.name, total)
		if follows := l.order == simulator.Ascending && !l.moves(); follows != (total.spans == 0) || follows != (total.read == total.exist) {
			t.Errorf("%s: %+v", l.name, total)
		}
	}
}
