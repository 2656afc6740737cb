package poller

import (
	"flag"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// The flags of the month; `make month` sets the first. Another seed may leave the short one without its 50,000 requests.
var (
	monthFull = flag.Bool("month.full", false, "tell the simulated month of all faults to its end")
	monthSeed = flag.Uint64("month.seed", 1, "what chance chooses by in the simulated month")
)

// monthSize is how long a month of all faults is, and what must have happened in it at least. A round lasts two days.
type monthSize struct{ rounds, perHour, requests, each int }

const (
	burstOfMonth   = 30
	repeatsOfMonth = 4 // what Go's transport may send again by itself: the pacer pays for it afterwards
)

// month is the story of all faults.
type month struct {
	*story
	size       monthSize
	dice       *rand.Rand
	round      int
	machines   int       // that exist
	started    time.Time // the process that runs
	goroutines int       // at the beginning
	spending   spending
	report     monthReport
}

// All through it no reading is exposed but those the API gave, the allowance is kept, nothing leaks, the loop goes on, the
// key stays secret; and after each fault all is well again within a cycle. One round of two days; all fifteen with a flag.
func TestAMonthOfAllFaults(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // many requests on a small heap
	size := monthSize{rounds: 1, perHour: 2000, requests: 50_000, each: 5}
	if *monthFull {
		size = monthSize{rounds: 15, perHour: 2400, requests: 1_000_000, each: 100}
	}
	begin := setting{
		plant: plantOfMonth(), perHour: float64(size.perHour), burst: burstOfMonth,
		api:     simulator.Options{Limits: size.limits(simulator.Seconds), Seed: *monthSeed},
		client:  innius.Options{PageSize: 2},
		options: func(o *Options) { o.DiscoveryInterval = 15 * time.Minute },
	}
	began := time.Now()
	play(t, begin, func(s *story) {
		m := &month{story: s, size: size, dice: rand.New(rand.NewPCG(*monthSeed, 1)), machines: oddMachine, started: time.Now()}
		m.report.longest, m.report.held = map[string]float64{}, map[string]time.Duration{}
		m.spending.begin(m)
		m.recovers("start")
		m.goroutines = runtime.NumGoroutine()
		for m.round = range size.rounds {
			m.tellRound()
		}
		m.judge()
	})
	t.Logf("told in %s", time.Since(began).Round(time.Second))
}

// limits leave room for our share of the rate, and in the burst for repeats.
func (s monthSize) limits(form simulator.RetryAfterForm) simulator.Limits {
	return simulator.Limits{PerHour: s.perHour * 20 / 19, Burst: burstOfMonth + repeatsOfMonth, RetryAfter: form}
}

// tellRound lasts two days: each kind of fault alone, the plant and the key changing and the process ending between, then
// all kinds at random.
func (m *month) tellRound() {
	start := time.Now()
	forms := []simulator.RetryAfterForm{simulator.Seconds, simulator.Date, simulator.Absent}
	m.api.SetLimits(m.size.limits(forms[m.round%len(forms)]))
	kinds, events := simulator.FaultKinds(), m.events()
	m.dice.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	for i, kind := range kinds {
		m.alone(kind)
		if kind == simulator.TooMany {
			m.forgets() // or the lowered rate would last for the rest of the round
		}
		events[i%len(events)]()
	}
	for range 3 {
		m.mixed()
		m.forgets()
	}
	m.look(48*time.Hour - time.Since(start))
	m.log.clear()
	m.report.heaps = append(m.report.heaps, m.heap())
}
