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
	poller *Poller
	now    time.Time
	filled []filled // by the place of the family
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
	v := s.poller.catalogue.view.Load()
	for i, a := range s.poller.accounts {
		s.account(a, v.companies[i])
	}
	s.plant(v.ordered())
	for _, f := range c.families {
		if f.perAccount {
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
	s.poller = nil
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
	s.expect(len(o.machines), s.machineInfo)
	for _, m := range o.machines {
		s.gauge(s.machineInfo, 1, m.pairs[:]...)
	}
	s.expect(o.sensors, s.value, s.timestamp, s.lastSuccess, s.expected, s.sensorInfo)
	censuses := make([]census, len(s.poller.accounts))
	for i, a := range s.poller.accounts {
		censuses[i] = census{cycle: a.cycle(), stretched: a.health.Load().relaxed > 1}
	}
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

// census counts an account's sensors.
type census struct {
	cycle     time.Duration
	stretched bool
	states    [len(States)]int
	promises  [len(MaxAgeStatuses)]int
}

func (s *scrape) sensor(one *sensor, t *census) {
	o, staleAfter := one.entry.Load(), s.poller.staleAfter(one, t.cycle)
	t.states[slices.Index(States[:], one.state(o, staleAfter, s.now))]++
	if promise := one.maxAgeStatus(o, t.stretched, s.now); promise != "" {
		t.promises[slices.Index(MaxAgeStatuses[:], promise)]++
	}
	labels := one.pairs.gauges[:]
	if o.Exposed(staleAfter, one.machine.theirTime(s.now)) {
		s.gauge(s.value, o.Value, labels...)
	}
	s.moment(s.timestamp, o.Time, labels...)
	s.moment(s.lastSuccess, o.LastSuccess, labels...)
	if interval := one.expected(o); interval > 0 {
		s.gauge(s.expected, interval, labels...)
	}
}

// tell exposes what was counted.
func (s *scrape) tell(a *account, t *census, more beside) {
	name := newPair(labelAccount, a.Name)
	for i, state := range States {
		n := t.states[i]
		if state == StateFiltered {
			n += more.filtered
		}
		s.gauge(s.sensors, float64(n), name, newPair(labelState, string(state)))
	}
	for i, state := range MaxAgeStatuses {
		s.gauge(s.promises, float64(t.promises[i]), name, newPair(labelState, string(state)))
	}
	s.gauge(s.clashes, float64(more.clashes), name)
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
