package freshness

import (
	"fmt"
	"math/rand/v2"
	"time"

	"innius_exporter/internal/match"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/simulator"
)

// start is when every synctest bubble starts.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// part is a part of a row's sensors and what they have in common: a period in seconds, or a weight.
type part struct{ of, value float64 }

func mix() []part { return []part{{.2, 1}, {.3, 10}, {.2, 60}, {.2, 600}, {.1, 3600}} }

func weights() []part { return []part{{.1, 16}, {.2, 4}, {.7, 1}} }

func only(seconds float64) []part { return []part{{1, seconds}} }

// nature is the kind of the sensors of a row.
type nature struct {
	sensors  int // default: 300
	spare    int // more that do not exist at first
	periods  []part
	jitter   float64 // part of the period by which readings are late at most; not for poisson
	weights  []part
	dead     float64       // part that never reports
	shift    float64       // part that is silent at night
	targets  float64       // part with a max-age target
	maxAge   time.Duration // that target
	batch    time.Duration // readings are uploaded in batches; each sensor at its own time
	poisson  bool          // readings come at random
	changing bool          // two thirds of the sensors change their period during the run
	skewed   bool          // a third of the clocks is 5 min fast, a third 5 min slow
}

// subject is a sensor of a row.
type subject struct {
	simulator.Sensor
	weight float64
	maxAge time.Duration
}

// perMachine is how many sensors a machine has.
const perMachine = 20

func (n nature) count() int { return or(n.sensors, 300) }

// make makes the sensors of a row. Each property is dealt in exact parts. The phase of each sensor, and the delay of 0.1
// to 1 s from a reading to its visibility, are random.
func (n nature) make(seed uint64) []*subject {
	r := rand.New(rand.NewPCG(seed, 1))
	subjects := make([]*subject, n.count()+n.spare)
	for i := range subjects {
		subjects[i] = &subject{weight: 1}
		subjects[i].ID = fmt.Sprintf("s%05d", i)
		subjects[i].Delay = 100*time.Millisecond + time.Duration(r.Int64N(int64(900*time.Millisecond)))
	}
	deal(r, subjects, n.periods, func(s *subject, seconds float64) { n.setPeriod(r, s, seconds) })
	deal(r, subjects, n.weights, func(s *subject, weight float64) { s.weight = weight })
	deal(r, subjects, []part{{n.shift, 0}}, func(s *subject, _ float64) { s.Exists = and(s.Exists, byDay(s.Delay)) })
	deal(r, subjects, []part{{n.dead, 0}}, func(s *subject, _ float64) { s.Period = 0 })
	deal(r, subjects, []part{{n.targets, 0}}, func(s *subject, _ float64) { s.maxAge = n.maxAge })
	if n.skewed {
		off := 5*time.Minute - 2*time.Second // the client accepts 5 min, by a clock of whole seconds
		deal(r, subjects, []part{{1. / 3, 1}, {1. / 3, -1}}, func(s *subject, sign float64) { s.Skew = time.Duration(sign) * off })
	}
	for _, s := range subjects {
		s.Name = fmt.Sprintf("%s %s", s.ID, ruleName(s))
	}
	return subjects
}

// deal gives each value to its part of the subjects, chosen at random.
func deal(r *rand.Rand, subjects []*subject, parts []part, set func(*subject, float64)) {
	order := r.Perm(len(subjects))
	dealt, upTo := 0, 0.0
	for _, p := range parts {
		upTo += p.of
		for ; dealt < int(upTo*float64(len(subjects))+.5); dealt++ {
			set(subjects[order[dealt]], p.value)
		}
	}
}

// setPeriod gives a sensor its period and its phase.
func (n nature) setPeriod(r *rand.Rand, s *subject, seconds float64) {
	s.Period = time.Duration(seconds * float64(time.Second))
	s.Jitter = time.Duration(n.jitter * float64(s.Period))
	if n.poisson {
		s.thin(r.Uint64())
	}
	s.Phase = time.Duration(r.Int64N(int64(s.Period)))
	if n.changing {
		s.change(r.IntN(3))
	}
	if s.Batch = n.batch; n.batch > 0 {
		s.BatchPhase = time.Duration(r.Int64N(int64(n.batch)))
	}
}

// thin makes readings come at random, on average once per period: each of 16 short slots has one at a random place, or
// none. The coefficient of variation of the gaps is then 0.97; it is 1 for Poisson.
func (s *subject) thin(seed uint64) {
	const slots = 16
	s.Period /= slots
	s.Jitter = s.Period
	s.Exists = func(at time.Time) bool { return scramble(seed^uint64(at.UnixNano()))%slots == 0 }
}

// scramble is the finaliser of splitmix64.
func scramble(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// change makes a sensor six times slower in one half of each four hours, by its kind; kind 0 does not change.
func (s *subject) change(kind int) {
	if kind == 0 {
		return
	}
	s.Period /= 6
	s.Jitter /= 6
	period, phase := int64(s.Period), int64(s.Phase)
	s.Exists = func(at time.Time) bool {
		late := at.Sub(start)%(4*time.Hour) >= 2*time.Hour
		return late == (kind == 1) || (at.UnixNano()-phase)/period%6 == 0
	}
}

// byDay is a shift of 12 hours from some moment between 6:00 and 6:15, which depends on the sensor's delay.
func byDay(delay time.Duration) func(time.Time) bool {
	late := 1000 * delay % (15 * time.Minute)
	return func(at time.Time) bool { at = at.Add(-late); return at.Hour() >= 6 && at.Hour() < 18 }
}

func and(a, b func(time.Time) bool) func(time.Time) bool {
	if a == nil {
		return b
	}
	return func(at time.Time) bool { return b(at) && a(at) }
}

// plantOf puts subjects into machines.
func plantOf(subjects []*subject) simulator.Plant {
	p := simulator.Plant{Company: simulator.Company{ID: "works.example", Name: "Works"}}
	for i, s := range subjects {
		if i%perMachine == 0 {
			p.Company.Machines = append(p.Company.Machines, simulator.Machine{ID: machineID(i), Name: machineID(i)})
		}
		m := &p.Company.Machines[len(p.Company.Machines)-1]
		m.Sensors = append(m.Sensors, s.Sensor)
	}
	return p
}

// machineID is the machine of a subject.
func machineID(number int) string { return fmt.Sprintf("m%04d", number/perMachine) }

// ruleName is the part of a sensor's name that its rule matches.
func ruleName(s *subject) string { return fmt.Sprintf("w%g a%s", s.weight, s.maxAge) }

// rules are the exporter's rules for the weights and targets of the subjects.
func rules(subjects []*subject) (all []inventory.Rule) {
	known := map[string]bool{}
	for _, s := range subjects {
		if name := ruleName(s); !known[name] && (s.weight != 1 || s.maxAge > 0) {
			known[name] = true
			all = append(all, inventory.Rule{Sensor: match.MustCompile(".* " + name), Weight: s.weight, MaxAge: s.maxAge})
		}
	}
	return all
}
