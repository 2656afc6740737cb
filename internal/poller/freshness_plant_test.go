package poller

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"time"

	"innius_exporter/internal/simulator"
)

// share is a part of a row's sensors and what they have in common: a period in seconds, or a weight.
type share struct{ of, value float64 }

// mix and weights are those of the table in the issue.
func mix() []share { return []share{{.2, 1}, {.3, 10}, {.2, 60}, {.2, 600}, {.1, 3600}} }

func weighted() []share { return []share{{.1, 16}, {.2, 4}, {.7, 1}} }

func all(seconds float64) []share { return []share{{1, seconds}} }

// nature says of what kind the sensors of a row are.
type nature struct {
	sensors  int // default: 300
	spare    int // more that are not there at the beginning
	periods  []share
	jitter   float64 // share of the period by which readings come late at most; for Poisson without meaning
	weights  []share
	dead     float64       // share that never reports
	shift    float64       // share that is silent at night
	promised float64       // share with a promise
	maxAge   time.Duration // what is promised
	batch    time.Duration // readings are uploaded in batches; each sensor at its own time
	poisson  bool          // readings come at random
	changing bool          // some sensors change their period while the run lasts
	skewed   bool          // a third of the clocks is 5 min ahead, another as much behind
}

// subject is a sensor of a row and what the harness knows of it.
type subject struct {
	simulator.Sensor
	weight float64
	maxAge time.Duration
}

// perMachine is how many sensors a machine of the harness has.
const perMachine = 20

func (n nature) count() int { return or(n.sensors, 300) }

// make makes the sensors of a row. Each property is dealt out anew, in exact shares. The phases, and the delay from a
// reading's measurement to its visibility, 0.1 to 1 s, are drawn for each sensor.
func (n nature) make(seed uint64) []*subject {
	r := rand.New(rand.NewPCG(seed, 1))
	subjects := make([]*subject, n.count()+n.spare)
	for i := range subjects {
		subjects[i] = &subject{weight: 1}
		subjects[i].ID = fmt.Sprintf("s%05d", i)
		subjects[i].Delay = 100*time.Millisecond + time.Duration(r.Int64N(int64(900*time.Millisecond)))
	}
	deal(r, subjects, n.periods, func(s *subject, seconds float64) { n.pace(r, s, seconds) })
	deal(r, subjects, n.weights, func(s *subject, weight float64) { s.weight = weight })
	deal(r, subjects, []share{{n.shift, 0}}, func(s *subject, _ float64) { s.Exists = and(s.Exists, byDay(s.Delay)) })
	deal(r, subjects, []share{{n.dead, 0}}, func(s *subject, _ float64) { s.Period = 0 })
	deal(r, subjects, []share{{n.promised, 0}}, func(s *subject, _ float64) { s.maxAge = n.maxAge })
	if n.skewed {
		ahead := 5*time.Minute - 2*time.Second // 5 min ahead of a clock that gives whole seconds is beyond what is accepted
		deal(r, subjects, []share{{1. / 3, 1}, {1. / 3, -1}}, func(s *subject, sign float64) { s.Skew = time.Duration(sign) * ahead })
	}
	for _, s := range subjects {
		s.Name = fmt.Sprintf("%s %s", s.ID, ruleName(s))
	}
	return subjects
}

// deal gives each value to its share of the subjects, chosen at random.
func deal(r *rand.Rand, subjects []*subject, shares []share, give func(*subject, float64)) {
	order := r.Perm(len(subjects))
	given, upTo := 0, 0.0
	for _, s := range shares {
		upTo += s.of
		for ; given < int(upTo*float64(len(subjects))+.5); given++ {
			give(subjects[order[given]], s.value)
		}
	}
}

// pace gives a sensor its period and place in it.
func (n nature) pace(r *rand.Rand, s *subject, seconds float64) {
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

// thin makes a sensor's readings come at random, on average once a period: each of many short slots has one, at a
// random place in it, or none. With 16 slots the gaps' coefficient of variation is 0.97 (1 for Poisson).
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

// change makes a sensor six times slower or faster in the middle of each four hours, or leaves it.
func (s *subject) change(kind int) {
	if kind == 0 {
		return
	}
	s.Period /= 6
	s.Jitter /= 6
	period, phase := int64(s.Period), int64(s.Phase)
	s.Exists = func(at time.Time) bool {
		ns := at.UnixNano()
		late := at.Sub(dawn)%(4*time.Hour) >= 2*time.Hour
		return late == (kind == 1) || (ns-phase)/period%6 == 0
	}
}

// byDay tells whether a machine that rests at night works: for 12 hours, from some moment between 6:00 and 6:15 on, which
// goes by the delay that was drawn for its sensor.
func byDay(drawn time.Duration) func(time.Time) bool {
	late := 1000 * drawn % (15 * time.Minute)
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

// ruleName is the part of a sensor's name that a rule goes by.
func ruleName(s *subject) string { return fmt.Sprintf("w%g a%s", s.weight, s.maxAge) }

// rules are the rules that tell the exporter the subjects' weights and promises.
func rules(subjects []*subject) []Rule {
	var rules []Rule
	known := map[string]bool{}
	for _, s := range subjects {
		if name := ruleName(s); !known[name] && (s.weight != 1 || s.maxAge > 0) {
			known[name] = true
			rules = append(rules, Rule{Sensor: regexp.MustCompile(" " + name + "$"), Weight: s.weight, MaxAge: s.maxAge})
		}
	}
	return rules
}
