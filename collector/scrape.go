package collector

import (
	"math"
	"slices"
	"strings"
	"time"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/reading"
)

// scrape is what one scrape exposes, as it was at one moment.
type scrape struct {
	*order
	view     *poller.View
	accounts []*account        // by name
	records  []*reading.Record // of the sensors, in their order
	verdicts []verdict         // on the sensors, in their order
	judged   []machine         // the machines, in their order
}

// account is what the metrics of an account are made of.
type account struct {
	*poller.AccountView
	*inventory.Account
	counters   *poller.AccountCounters
	labels     inventory.LabelMode
	statuses   [len(poller.SensorStatuses)]int // sensors, by the index of their status
	maxAge     [len(poller.MaxAgeStatuses)]int // those with a target, by the index of its status
	collisions int
	overflows  int
}

// verdict is the index of a sensor's status, times two, plus one if its value is exposed: a byte, as there is one per sensor.
type verdict uint8

// machine is what the metrics of a machine are made of.
type machine struct {
	*inventory.Machine
	judgement poller.Judgement
	status    poller.MachineStatus
	since     time.Time
}

// sensor is what the metrics of a sensor are made of. They all come from one cache entry.
type sensor struct {
	*reading.Record
	of      *inventory.Sensor
	status  poller.SensorStatus
	exposed bool // the newest reading is not stale
}

// hasNumber reports whether the value is exposed: a state may have none.
func (s *sensor) hasNumber() bool { return s.exposed && !math.IsNaN(s.Value) }

func newScrape(v *poller.View, o *order) *scrape {
	s := &scrape{order: o, view: v}
	accounts := make([]*account, len(v.Accounts))
	for i, view := range v.Accounts {
		if view == nil {
			continue
		}
		a := &account{AccountView: view, Account: &v.Inventory.Accounts[i], counters: v.Counters.Of(view.Name), labels: v.Labels}
		for _, m := range a.Machines {
			a.statuses[slices.Index(poller.SensorStatuses[:], poller.SensorExcluded)] += len(m.Sensors) - len(m.Polled)
		}
		s.accounts, accounts[i] = append(s.accounts, a), a
	}
	slices.SortFunc(s.accounts, func(a, b *account) int { return strings.Compare(a.Name, b.Name) })
	s.records, s.verdicts = make([]*reading.Record, len(s.sensors)), make([]verdict, len(s.sensors))
	s.judged = make([]machine, len(s.machines))
	for i, m := range s.machines {
		s.judged[i].Machine = m
	}
	judged := s.judged // from the machine of the sensor on
	for i, one := range s.sensors {
		known := v.Sensor(one)
		for len(judged) > 0 && compareMachines(judged[0].Machine, one.Machine) < 0 {
			judged = judged[1:]
		}
		if len(judged) > 0 && (judged[0].Machine == one.Machine || judged[0].Key() == one.Machine.Key()) {
			judged[0].judgement.Add(v, one, &known)
		}
		status := slices.Index(poller.SensorStatuses[:], known.Status)
		s.records[i], s.verdicts[i] = known.Record, verdict(2*status)
		if known.Exposed {
			s.verdicts[i]++
		}
		a := accounts[one.Machine.Account]
		a.statuses[status]++
		if known.MaxAge != "" {
			a.maxAge[slices.Index(poller.MaxAgeStatuses[:], known.MaxAge)]++
		}
		if known.Overflow {
			a.overflows++
		}
		if one.Collision || one.Machine.Collision {
			a.collisions++
		}
	}
	for i := range s.judged {
		m := &s.judged[i]
		m.status, m.since = v.Machine(m.Machine, m.judgement)
	}
	return s
}

// eachSensor calls a function for each sensor, in order. The argument is only valid during the call. The series that it adds
// share company and machine.
func (s *scrape) eachSensor(out *output, do func(*sensor)) {
	one, shareLabels := &sensor{}, func(out *output, m *inventory.Machine) { out.share(m.CompanyLabel, m.Label) }
	s.eachOf(s.sensors, out, shareLabels, func(i int, of *inventory.Sensor) {
		one.of, one.Record = of, s.records[i]
		one.status, one.exposed = poller.SensorStatuses[s.verdicts[i]/2], s.verdicts[i]%2 == 1
		do(one)
	})
}

func (s *scrape) eachOf(
	sensors []*inventory.Sensor, out *output, share func(*output, *inventory.Machine), do func(int, *inventory.Sensor),
) {
	out.plain = s.plain
	var machine *inventory.Machine
	for i, one := range sensors {
		if one.Machine != machine {
			machine = one.Machine
			share(out, machine)
		}
		do(i, one)
	}
	out.plain = false
}

// eachState calls a function for each state that the rule of a sensor lists, and for others, in order.
func (s *scrape) eachState(out *output, others []string, do func(one *sensor, state string)) {
	if !s.states {
		return
	}
	var rule *inventory.Rule
	var states []string // of the rule
	s.eachSensor(out, func(one *sensor) {
		if len(one.of.Rule.States) == 0 {
			return
		}
		out.plain = false // the states may need an escape
		if one.of.Rule != rule {
			rule = one.of.Rule
			states = slices.Sorted(slices.Values(slices.Concat(rule.States, others)))
		}
		for _, state := range states {
			do(one, state)
		}
	})
}
