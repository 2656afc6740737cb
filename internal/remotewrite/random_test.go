package remotewrite

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Whatever a receiver does, each reading arrives with its time and value, or the debug log names it as refused or dropped.
func TestWriterExplainsEveryMissingReading(t *testing.T) {
	seeds := uint64(12)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T) { explainMissing(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func explainMissing(t *testing.T, random *rand.Rand) {
	f, receiver := startFake(t, "central")
	receiver.Timeout = 10 * time.Second
	receiver.Spool = 32 << 10
	windows := []time.Duration{0, 30 * time.Minute, 24 * time.Hour}
	f.likePrometheus(windows[random.IntN(3)], []int{400, 500}[random.IntN(2)])
	well := f.onRequest(nil)
	// Of a kill between response and acknowledgement the receiver has more than the log explains, never less.
	faults := []respond{
		well, well, well, nil, // nil: accepts everything, as after a change of its settings
		func(w http.ResponseWriter, _ *http.Request, _ []received) { w.WriteHeader(503) },
		func(w http.ResponseWriter, _ *http.Request, _ []received) { w.WriteHeader(401) },
		func(w http.ResponseWriter, _ *http.Request, _ []received) { w.WriteHeader(400) },
		func(_ http.ResponseWriter, r *http.Request, _ []received) { <-r.Context().Done() },
		func(w http.ResponseWriter, r *http.Request, samples []received) {
			well(w, r, samples)
			panic(http.ErrAbortHandler)
		},
		func(w http.ResponseWriter, r *http.Request, samples []received) {
			code := []int{0, 0, 0, 429, 500, 502, 400}[rand.IntN(7)]
			if code == 0 {
				well(w, r, samples)
				return
			}
			w.WriteHeader(code)
		},
	}
	p := newPlant(t, receiver)
	for range 25 {
		f.onRequest(faults[random.IntN(len(faults))])
		p.pollFor(time.Duration(random.IntN(20))*time.Minute, "A", "B", "C", "D")
		switch random.IntN(4) {
		case 0:
			p.kill()
			p.start(receiver)
		case 1:
			p.Close()
			p.start(receiver)
		case 2:
			if err := p.Configure(t.Context(), []Receiver{receiver}); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.onRequest(well)
	p.poll("A", 1)
	time.Sleep(3 * time.Hour)
	if s := p.Status()[0]; s.Pending != 0 {
		t.Errorf("status %+v", s)
	}
	logged := map[string]bool{} // readings that the log names
	for line := range strings.Lines(p.log.String()) {
		if _, reading, found := strings.Cut(strings.TrimSpace(line), " sensor="); found {
			logged[reading] = true
		}
	}
	missing, total := 0, 0
	for _, sensor := range []string{"A", "B", "C", "D"} {
		stored := map[float64]bool{}
		for _, v := range f.values(sensor) {
			stored[v] = true
			if v < 1 || v > p.count[sensor] {
				t.Errorf("%s has %v, which was never read", sensor, v)
			}
		}
		for v := 1.0; v <= p.count[sensor]; v++ {
			total++
			if stored[v] {
				continue
			}
			if missing++; !logged[fmt.Sprintf("%s time_ms=%d value=%v", sensor, p.times[sensor][int(v)-1], v)] {
				t.Errorf("%s %v is missing, and nothing explains it", sensor, v)
			}
		}
	}
	for _, s := range f.stored {
		if want := p.times[s.sensor][int(s.value)-1]; s.time != want {
			t.Errorf("%s %v has the time %d, want %d", s.sensor, s.value, s.time, want)
		}
	}
	t.Logf("%d of %d readings missing, all explained", missing, total)
}
