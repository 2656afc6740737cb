package collector

import (
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
)

// scrape is all series at one moment. They are made in a few large pieces of memory, which later scrapes use again when they have
// been sent. No two scrapes share any.
type scrape struct {
	*Collector
	view   *poller.View
	sensor poller.SensorView // the one in hand
	labels []*dto.LabelPair  // room for those with a status
	filled []filled          // by the index of the family
}

// filled are the series of one family.
type filled struct {
	list     []*dto.Metric
	room     []sample      // where they are made
	counters []dto.Counter // the same, of a family of counters
	next     int           // in room
}

// sample is one series with all that its encoder reads except for the labels.
type sample struct {
	metric dto.Metric
	gauge  dto.Gauge
	value  float64
}

// fewSamples is the room for families whose number of series is not known.
const fewSamples = 16

// account is what the metrics of an account are made of.
type account struct {
	*poller.AccountView
	counters     *poller.AccountCounters
	company      *innius.Company // nil: not known yet
	companyLabel string
	statuses     map[poller.SensorStatus]int
	maxAge       map[poller.MaxAgeStatus]int
	collisions   int
}

func (c *Collector) scrape() *scrape {
	s, reused := c.sent.Get().(*scrape)
	if !reused {
		s = &scrape{Collector: c, filled: make([]filled, len(c.families))}
	}
	s.view = c.current().View(time.Now())
	order := c.order(s.view.Inventory)
	accounts := make([]account, len(s.view.Accounts))
	for i := range accounts {
		accounts[i] = s.newAccount(i, order.counts[i])
	}
	s.addPlant(order, accounts)
	for i := range accounts {
		s.addAccount(&accounts[i])
	}
	for _, f := range c.families {
		if f.account != nil || f.histogram != nil || f.name == machineStatus || f.name == machineSince {
			slices.SortFunc(s.filled[f.index].list, func(a, b *dto.Metric) int { return compareValues(a.Label, b.Label) })
		}
	}
	return s
}

func (s *scrape) newAccount(index int, n counts) account {
	view := s.view.Accounts[index]
	a := account{
		AccountView: view, counters: s.view.Counters.Of(view.Name), company: s.view.Inventory.Accounts[index].Company,
		statuses:   map[poller.SensorStatus]int{poller.SensorExcluded: n.excluded},
		collisions: n.collisions, maxAge: map[poller.MaxAgeStatus]int{},
	}
	if a.company != nil {
		a.companyLabel = s.view.Labels.Label(a.company.ID, a.company.Name)
	}
	return a
}

// addPlant adds the series of machines and sensors, and counts the sensors of each account.
func (s *scrape) addPlant(o *sorted, accounts []account) {
	s.labels = make([]*dto.LabelPair, 0, 3*len(poller.MachineStatuses)*len(o.machines)+4*len(o.sensors))
	s.reserve(len(o.machines), machineInfo, machineSince)
	s.reserve(len(poller.MachineStatuses)*len(o.machines), machineStatus)
	for _, one := range o.machines {
		s.addMachine(one)
	}
	s.reserve(len(o.sensors), sensorInfo, sensorStatus)
	for _, one := range o.info {
		s.add(s.byName[sensorInfo], 1, one.info[:])
	}
	for _, f := range s.families {
		if f.sensor != nil {
			s.reserve(len(o.sensors), f.name)
		}
	}
	for _, one := range o.sensors {
		s.addSensor(one, &accounts[one.Machine.Account])
	}
}

func (s *scrape) addMachine(one *machineSeries) {
	s.add(s.byName[machineInfo], 1, one.info[:])
	status, since := s.view.Machine(one.Machine)
	for i, each := range poller.MachineStatuses {
		s.add(s.byName[machineStatus], boolean(each == status), s.with(one.labels[:], machineStatusPairs[i]))
	}
	if seconds, known := timestamp(since); known {
		s.add(s.byName[machineSince], seconds, one.labels[:])
	}
}

func (s *scrape) addSensor(one *sensorSeries, a *account) {
	s.sensor = s.view.Sensor(one.Sensor)
	a.statuses[s.sensor.Status]++
	a.maxAge[s.sensor.MaxAge]++
	status := slices.Index(poller.SensorStatuses[:], s.sensor.Status)
	labels := s.with(one.labels(), sensorStatusPairs[status])
	s.add(s.byName[sensorStatus], 1, labels)
	for _, f := range s.families {
		if f.sensor == nil {
			continue
		}
		if value, exists := f.sensor(&s.sensor); exists {
			s.add(f, value, labels[:3])
		}
	}
}

// with appends a label, in memory of this scrape.
func (s *scrape) with(labels []*dto.LabelPair, label *dto.LabelPair) []*dto.LabelPair {
	n := len(s.labels)
	s.labels = append(append(s.labels, labels...), label)
	return s.labels[n:len(s.labels):len(s.labels)]
}

// The labels of statuses.
var (
	sensorStatusPairs  = statusPairs(poller.SensorStatuses[:])
	machineStatusPairs = statusPairs(poller.MachineStatuses[:])
)

func statusPairs[S ~string](statuses []S) (pairs []*dto.LabelPair) {
	for _, status := range statuses {
		pairs = append(pairs, pair("status", string(status)))
	}
	return pairs
}

func (s *scrape) addAccount(a *account) {
	name := pair("account", a.Name)
	for _, f := range s.families {
		switch {
		case f.account != nil:
			f.account(a, func(value float64, values ...string) {
				labels := []*dto.LabelPair{name}
				for i, v := range values {
					labels = append(labels, pair(f.labels[i+1], v))
				}
				s.add(f, value, labels)
			})
		case f.histogram != nil:
			s.filled[f.index].list = append(s.filled[f.index].list, &dto.Metric{
				Label: []*dto.LabelPair{name}, Histogram: histogramOf(f.histogram(a)),
			})
		}
	}
}

func histogramOf(h *poller.Histogram) *dto.Histogram {
	buckets, count, sum := h.Read()
	out := &dto.Histogram{SampleCount: &count, SampleSum: &sum}
	for _, b := range buckets {
		out.Bucket = append(out.Bucket, &dto.Bucket{UpperBound: &b.UpTo, CumulativeCount: &b.Count})
	}
	return out
}

// release makes the memory available to the next scrape. It clears what an earlier and larger scrape left in it, which would
// keep machines in memory that the plant no longer has.
func (s *scrape) release() {
	for i := range s.filled {
		f := &s.filled[i]
		clear(f.room[f.next:])
		f.list, f.next = f.list[:0], 0
	}
	s.view, s.sensor, s.labels = nil, poller.SensorView{}, nil
	s.sent.Put(s)
}

// reserve makes room for so many series of each family.
func (s *scrape) reserve(n int, names ...string) {
	for _, name := range names {
		if to := &s.filled[s.byName[name].index]; len(to.room) < n || len(to.room) > 2*n+fewSamples {
			*to = filled{list: make([]*dto.Metric, 0, n), room: make([]sample, n)}
		}
	}
}

// add adds a series. The labels are sorted by name, and never change.
func (s *scrape) add(f *family, value float64, labels []*dto.LabelPair) {
	to := &s.filled[f.index]
	if to.next == len(to.room) {
		to.room, to.counters, to.next = make([]sample, fewSamples), nil, 0 // the list still points into the old room
	}
	one := &to.room[to.next]
	one.value, one.metric.Label = value, labels
	if f.kind == dto.MetricType_COUNTER {
		if to.counters == nil {
			to.counters = make([]dto.Counter, len(to.room))
		}
		one.metric.Counter = &to.counters[to.next]
		one.metric.Counter.Value = &one.value
	} else {
		one.gauge.Value, one.metric.Gauge = &one.value, &one.gauge
	}
	to.next++
	to.list = append(to.list, &one.metric)
}
