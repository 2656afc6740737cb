package poller

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// kinds are ways in which a sensor may report. None has a reading before birth, so that lists in ascending order have an end.
var kinds = map[string]func(*simulator.Sensor){
	"1s":        func(s *simulator.Sensor) { s.Period, s.Jitter = time.Second, 200*time.Millisecond },
	"10s":       func(s *simulator.Sensor) { s.Jitter, s.Delay = time.Second, 700*time.Millisecond },
	"1m":        func(s *simulator.Sensor) { s.Period = time.Minute },
	"batches":   func(s *simulator.Sensor) { s.Batch = 5 * time.Minute },
	"on change": func(s *simulator.Sensor) { s.Period, s.Exists = time.Second, bySeconds(0.02) },
	"outages": func(s *simulator.Sensor) {
		s.Exists = func(at time.Time) bool { return at.Unix()/5000%2 == 0 }
	},
}

var birth = dawn.Add(-20 * time.Minute)

// bySeconds lets a part of the seconds have a reading, at random.
func bySeconds(part float64) func(time.Time) bool {
	return func(at time.Time) bool { return rand.New(rand.NewPCG(7, uint64(at.Unix()))).Float64() < part }
}

// ledger is what the exporter exposes of one sensor, over all its processes.
type ledger struct {
	sensor   simulator.Sensor
	from, to time.Time // what is compared: the newest reading after the first poll, and at the end
	readings float64
	spans    map[innius.Span]bool

	mu        sync.Mutex
	delivered map[time.Time]int // how often
}

// deliveries are the ledgers by company.
type deliveries map[string]*ledger

func (d deliveries) Append(company, _, _ string, readings []innius.Reading) {
	l := d[company]
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range readings {
		l.delivered[r.Time.UTC()]++
	}
}

// Each reading that exists is counted and delivered once, or lies inside a gap that is reported, in each mode of the list, over
// restarts.
func TestEachReadingIsDeliveredOrInsideAReportedGap(t *testing.T) {
	long(t)
	window := "/companies/{company}/machines/{machine}/sensors/{sensor}/values?from={from_ms}&to={to_ms}"
	for mode, c := range map[string]struct {
		format simulator.Format
		values string // template
	}{
		"newest first":                   {},
		"newest first, window":           {values: window},
		"newest first, exclusive window": {simulator.Format{Window: simulator.Window{Exclusive: true}}, window},
		"oldest first":                   {format: simulator.Format{Order: simulator.Ascending}},
		"oldest first, window":           {simulator.Format{Order: simulator.Ascending}, window},
		"oldest first, exclusive window": {simulator.Format{Order: simulator.Ascending, Window: simulator.Window{Exclusive: true}}, window},
		"oldest first, window ignored":   {simulator.Format{Order: simulator.Ascending, Window: simulator.Window{Ignored: true}}, window},
		"blocks":                         {format: simulator.Format{Order: simulator.Blocks}},
	} {
		for _, size := range []int{20, 100, 1000} {
			t.Run(fmt.Sprintf("%s, pages of %d", mode, size), func(t *testing.T) {
				t.Parallel()
				var all []setup
				var ledgers []*ledger
				to := deliveries{}
				for kind, change := range kinds {
					if size == 1000 && kind == "1s" {
						continue // expensive, and like 10s with 100
					}
					plant := oneSensor(change)
					plant.Company.ID += "/" + kind
					plant.Company.Name = kind
					one := &plant.Company.Machines[0].Sensors[0]
					if exists := one.Exists; exists != nil {
						one.Exists = func(at time.Time) bool { return !at.Before(birth) && exists(at) }
					} else {
						one.Exists = func(at time.Time) bool { return !at.Before(birth) }
					}
					client := innius.Options{PageSize: size, Endpoints: innius.Endpoints{Values: c.values}}
					all = append(all, setup{plant: plant, api: simulator.Options{Format: c.format}, client: client, perHour: 6})
					l := &ledger{sensor: *one, spans: map[innius.Span]bool{}, delivered: map[time.Time]int{}}
					ledgers, to[kind] = append(ledgers, l), l
				}
				begin := all[0]
				begin.options = func(o *Options) { o.Deliver = to }
				begin.more = all[1:]
				runScenario(t, begin, func(s *scenario) { s.compare(ledgers, size) })
			})
		}
	}
}

func (s *scenario) compare(ledgers []*ledger, size int) {
	s.advance(15 * time.Minute) // each sensor has been polled
	first := s.gather()
	for i, l := range ledgers {
		l.from = s.sensorsOf(i + 1)[0].Seen
		l.readings = -first[fmt.Sprintf(`innius_exporter_readings_total{account="a%d"}`, i+1)]
	}
	for process := range 2 {
		if process > 0 {
			s.restart(40 * time.Minute)
			s.start()
		}
		for range 15 {
			s.advance(10 * time.Minute) // less than a sensor's spans are kept
			for i, l := range ledgers {
				for _, one := range s.sensorsOf(i + 1)[0].Missed.All() {
					l.spans[one] = true
				}
			}
		}
		counted := s.gather()
		for i, l := range ledgers {
			l.readings += counted[fmt.Sprintf(`innius_exporter_readings_total{account="a%d"}`, i+1)]
		}
	}
	for i, l := range ledgers {
		l.to = s.sensorsOf(i + 1)[0].Seen
		l.check(s.T, fmt.Sprintf("a%d, pages of %d", i+1, size))
	}
}

// check compares with the truth.
func (l *ledger) check(t *testing.T, name string) {
	t.Helper()
	exist, inside := 0, 0
	for line := l.sensor.Timeline(l.from, l.to.Add(time.Second)); ; {
		r, more := line.Next()
		if !more {
			break
		}
		at := r.Stamp.Truncate(time.Millisecond)
		if !at.After(l.from) || at.After(l.to) {
			continue
		}
		exist++
		in := inside
		for span := range l.spans {
			if at.After(span.From) && at.Before(span.To) {
				inside++
				break
			}
		}
		if l.delivered[at.UTC()] != 1 && inside == in {
			t.Errorf("%s (every %s): the reading of %s was delivered %d times", name, l.sensor.Period, at, l.delivered[at.UTC()])
		}
		delete(l.delivered, at.UTC())
	}
	for at := range l.delivered {
		if at.After(l.from) && !at.After(l.to) {
			t.Errorf("%s (every %s): the reading of %s was delivered, and does not exist", name, l.sensor.Period, at)
		}
	}
	if float64(exist) != l.readings+float64(inside) {
		t.Errorf("%s (every %s): %d readings exist, %v were counted, and %d are in %d reported gaps", name, l.sensor.Period, exist,
			l.readings, inside, len(l.spans))
	}
}
