package poller

import (
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/ratelimit"
)

// scrape is all gauges at one moment. Its series are made in a few large pieces of memory, so that a scrape of a hundred
// thousand sensors allocates no more often than one of ten. To hold them for each sensor, ready made, would take 840 bytes,
// more than half of what is known of it; so they are made for each scrape, in the memory of an earlier one that has been
// sent. No two scrapes share any.
type scrape struct {
	*Collector
	poller  *Poller
	now     time.Time
	verdict *Verdict
	room    []*dto.LabelPair // for the labels of statuses
	filled  []filled         // by the place of the family
}

// filled are the series of one family.
type filled struct {
	list []*dto.Metric
	room []sample // where they are made
	next int      // in room
}

// sample is one series with all that its encoder reads but the labels.
type sample struct {
	metric dto.Metric
	gauge  dto.Gauge
	value  float64
}

// few is how many series a piece of memory has room for where nobody has said how many there will be.
const few = 16

func (c *Collector) scrape() *scrape {
	s, reused := c.sent.Get().(*scrape)
	if !reused {
		s = &scrape{Collector: c, filled: make([]filled, len(c.families))}
	}
	s.poller, s.now = c.current(), time.Now()
	s.verdict = s.poller.Verdict(s.now)
	v := s.poller.catalogue.view.Load()
	for i, a := range s.poller.accounts {
		s.account(a, v.companies[i])
	}
	s.plant(v.ordered())
	for _, f := range c.families {
		if f.unordered {
			slices.SortFunc(s.filled[f.place].list, byLabels)
		}
	}
	return s
}

func byLabels(a, b *dto.Metric) int { return byValues(a.Label, b.Label) }

// byValues is the order of a registry, for series of the same labels.
func byValues(a, b []*dto.LabelPair) int {
	return slices.CompareFunc(a, b, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetValue(), b.GetValue()) })
}

// release gives the memory of a scrape that nobody reads any more to the next one. What an earlier and larger one left in it
// is forgotten: it would keep what a plant has lost for as long as scrapes go on.
func (s *scrape) release() {
	for i := range s.filled {
		f := &s.filled[i]
		clear(f.room[f.next:])
		f.list, f.next = f.list[:0], 0
	}
	s.poller, s.verdict, s.room = nil, nil, nil
	s.sent.Put(s)
}

// expect makes room for so many series.
func (s *scrape) expect(n int, families ...*family) {
	for _, f := range families {
		if to := &s.filled[f.place]; len(to.room) < n || len(to.room) > 2*n+few {
			*to = filled{list: make([]*dto.Metric, 0, n), room: make([]sample, n)}
		}
	}
}

// gauge exposes a value. The labels are sorted by name, and never changed again.
func (s *scrape) gauge(f *family, value float64, labels ...*dto.LabelPair) {
	to := &s.filled[f.place]
	if to.next == len(to.room) {
		to.room, to.next = make([]sample, few), 0 // what the list points at stays where it is
	}
	one := &to.room[to.next]
	to.next++
	one.value, one.gauge.Value = value, &one.value
	one.metric.Label, one.metric.Gauge = labels, &one.gauge
	to.list = append(to.list, &one.metric)
}

// moment exposes a moment; an unknown one is absent.
func (s *scrape) moment(f *family, t time.Time, labels ...*dto.LabelPair) {
	if !t.IsZero() {
		s.gauge(f, seconds(t), labels...)
	}
}

// account exposes how an account does.
func (s *scrape) account(a *account, company *innius.Company) {
	h, perHour, name := a.health.Load(), a.Pacer.PerHour(), newPair(labelAccount, a.Name)
	if up, known := h.up(); known {
		s.gauge(s.up, boolean(up), name)
	}
	failure := h.failure()
	for _, reason := range []string{"key", "network", "server", "invalid_response"} {
		s.gauge(s.failure, boolean(reason == failure), name, newPair(labelReason, reason))
	}
	if company != nil {
		s.gauge(s.accountInfo, 1, name, newPair(labelCompany, s.poller.opts.Labels.text(company.ID, company.Name)),
			repaired(labelCompanyID, company.ID, company.ID), repaired(labelCompanyName, company.Name, company.ID))
	}
	s.gauge(s.allowance, perHour, name)
	for _, cause := range []ratelimit.Cause{ratelimit.LimitOrShared, ratelimit.Shared} {
		s.gauge(s.lowered, boolean(h.lowered == cause), name, newPair(labelCause, string(cause)))
	}
	s.gauge(s.demand, h.demand, name)
	s.gauge(s.remaining, a.Pacer.Remaining(s.now), name)
	s.moment(s.paused, h.pausedUntil(s.now), name)
	s.moment(s.discovered, h.verified, name)
	if ahead, known := a.Client.ClockDifference(); known {
		s.gauge(s.clock, ahead.Seconds(), name)
	}
}

// plant exposes all machines and sensors, and counts the sensors' states.
func (s *scrape) plant(o *order) {
	s.expect(len(o.machines), s.machineInfo, s.machineSince)
	s.expect(len(MachineStatuses)*len(o.machines), s.machineStatus)
	s.room = make([]*dto.LabelPair, 0, 3*len(MachineStatuses)*len(o.machines)+4*o.sensors)
	for _, m := range o.machines {
		s.machine(m)
	}
	s.expect(o.sensors, s.value, s.timestamp, s.lastSuccess, s.expected, s.sensorInfo, s.sensorStatus)
	censuses := make([]census, len(s.poller.accounts))
	for _, group := range o.gauges {
		for _, one := range group {
			s.sensor(one, &censuses[one.machine.account])
		}
	}
	for _, group := range o.info {
		for _, one := range group {
			s.gauge(s.sensorInfo, 1, one.pairs.info[:]...)
		}
	}
	for i, a := range s.poller.accounts {
		s.tell(a, &censuses[i], o.beside[i])
	}
}

// machine exposes a machine.
func (s *scrape) machine(m *machine) {
	s.gauge(s.machineInfo, 1, m.pairs[:]...)
	labels := []*dto.LabelPair{m.pairs[0], m.pairs[3]}
	status, since := s.verdict.Machine(m)
	for i, one := range MachineStatuses {
		s.gauge(s.machineStatus, boolean(one == status), s.with(labels, machineStatusPairs[i])...)
	}
	s.moment(s.machineSince, since, s.with(labels, nil)...)
}

// with appends a label in memory of this scrape.
func (s *scrape) with(labels []*dto.LabelPair, more *dto.LabelPair) []*dto.LabelPair {
	n := len(s.room)
	s.room = append(s.room, labels...)
	if more != nil {
		s.room = append(s.room, more)
	}
	return s.room[n:len(s.room):len(s.room)]
}

// census counts an account's sensors.
type census struct {
	statuses [len(SensorStatuses)]int
	maxAge   [len(MaxAgeStatuses)]int
}

func (s *scrape) sensor(one *sensor, t *census) {
	r, status, labels := one.entry.Load(), slices.Index(SensorStatuses[:], s.verdict.Sensor(one)), one.pairs.gauges[:]
	t.statuses[status]++
	s.gauge(s.sensorStatus, 1, s.with(labels, sensorStatusPairs[status])...)
	if target := s.verdict.MaxAge(one); target != "" {
		t.maxAge[slices.Index(MaxAgeStatuses[:], target)]++
	}
	if r.Exposed(s.verdict.StaleAfter(one), one.machine.theirTime(s.now)) {
		s.gauge(s.value, r.Value, labels...)
	}
	s.moment(s.timestamp, r.Time, labels...)
	s.moment(s.lastSuccess, r.LastSuccess, labels...)
	if interval := one.exposedInterval(); interval > 0 {
		s.gauge(s.expected, interval, labels...)
	}
}

// exposedInterval returns the reporting interval in seconds; 0 while the newest reading is a text without a number or has no usable
// time, which is no silence.
func (s *sensor) exposedInterval() float64 {
	r := s.entry.Load()
	switch r.Unusable.Skip {
	case innius.SkipText, innius.SkipTime, innius.SkipFuture:
		return 0
	}
	return r.Interval.Seconds
}

// tell exposes what was counted.
func (s *scrape) tell(a *account, t *census, more beside) {
	name := newPair(labelAccount, a.Name)
	for i, status := range SensorStatuses {
		n := t.statuses[i]
		if status == SensorExcluded {
			n += more.filtered
		}
		s.gauge(s.sensors, float64(n), name, newPair(labelStatus, string(status)))
	}
	for i, status := range MaxAgeStatuses {
		s.gauge(s.maxAge, float64(t.maxAge[i]), name, newPair(labelStatus, string(status)))
	}
	s.gauge(s.clashes, float64(more.clashes), name)
}

// The labels of statuses, made once.
var (
	sensorStatusPairs  = statusPairs(SensorStatuses[:])
	machineStatusPairs = statusPairs(MachineStatuses[:])
)

func statusPairs[S ~string](statuses []S) (pairs []*dto.LabelPair) {
	for _, status := range statuses {
		pairs = append(pairs, newPair(labelStatus, string(status)))
	}
	return pairs
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
