package innius_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// combination is an API, a client and how often it polls, drawn at random.
type combination struct {
	format             simulator.Format
	windowed           bool
	period, interval   time.Duration
	pageSize, lookback int // lookback in hours
}

func (c *combination) String() string {
	f := &c.format
	return fmt.Sprintf("order %d, %d empty pages, history %s, keys expire after %s, window %t %+v, "+
		"a reading each %s, a poll each %s, %d a page, lookback %d h",
		f.Order, f.Sparse, f.History, f.CursorTTL, c.windowed, f.Window, c.period, c.interval, c.pageSize, c.lookback)
}

func draw(r *rand.Rand) *combination {
	pick := func(ds ...time.Duration) time.Duration { return ds[r.IntN(len(ds))] }
	c := &combination{
		format: simulator.Format{
			Order: simulator.Order(r.IntN(3)), Sparse: max(0, r.IntN(7)-3), CursorTTL: pick(0, 0, 10*time.Minute),
			History: pick(0, 10*time.Minute, time.Hour, 6*time.Hour),
		},
		windowed: r.IntN(2) == 0, period: pick(10*time.Second, time.Minute, 10*time.Minute),
		interval: pick(10*time.Second, time.Minute, 5*time.Minute), pageSize: 10 + r.IntN(90), lookback: []int{1, 24, 720}[r.IntN(3)],
	}
	f := &c.format
	if c.windowed {
		f.Window = simulator.Window{
			Ignored: r.IntN(3) == 0, Exclusive: r.IntN(2) == 0, RefuseFuture: r.IntN(2) == 0, NotFound: r.IntN(3) == 0,
			Max: pick(0, 0, time.Hour, 5*time.Hour),
		}
	}
	if f.Window.NotFound {
		f.History = 0 // what is held must be there still
	}
	if f.Order == simulator.Ascending && (!c.windowed || f.Window.Ignored) { // five pages a poll must be enough
		c.period, c.interval, c.pageSize = max(c.period, time.Minute), min(c.interval, time.Minute), 50+c.pageSize/2
		f.History, f.CursorTTL = max(10*time.Minute, min(f.History, 6*time.Hour)), 0
	}
	return c
}

// Every combination needs at most a few polls until the newest reading is held, and from then on holds it at each poll; some
// polls between may end at the bound on pages.
func TestNewestInRandomCombinations(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	for n := range uint64(200) {
		seed := 1500 + n // 1685 is a list that grows to a second, older page
		c := draw(rand.New(rand.NewPCG(seed, 10)))
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				change := []func(*innius.Options){
					pageSize(c.pageSize),
					func(o *innius.Options) { o.Lookback = time.Duration(c.lookback) * time.Hour },
				}
				if c.windowed {
					change = append(change, valuesAt(windowed))
				}
				plant := plantOf(simulator.Sensor{ID: "oil", Period: c.period})
				client, server := simulated(t, plant, simulator.Options{Format: c.format}, change...)
				p, late := &polling{client: client, server: server}, 0
				for i := range 30 {
					requests := p.poll(t)
					if most := 5 + server.Stats().Of("values", 400) + server.Stats().Of("values", 404); requests > most {
						t.Errorf("%d requests in poll %d: %s", requests, i+1, c)
					}
					if lag := time.Since(p.since); i >= 10 && lag > c.period+2*c.interval {
						late++
					}
					time.Sleep(c.interval)
				}
				if late > 1 {
					t.Errorf("the newest reading is not held after %d of 20 polls: %s", late, c)
				}
			})
		})
	}
}
