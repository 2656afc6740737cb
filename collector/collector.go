package collector

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"innius_exporter/collector/allowance"
	"innius_exporter/innius"
)

// Collector translates what a Poller knows into metrics. Collect reads memory only: it does no I/O, waits for no
// writer and knows no error. Any number of scrapes may run at once.
type Collector struct {
	current func() *Poller

	value, timestamp, lastSuccess, sensorInfo, machineInfo *prometheus.Desc
	up, failure, accountInfo, sensors, clashes             *prometheus.Desc
	allowance, lowered, remaining, paused, discovered      *prometheus.Desc
	expected, demand, promises                             *prometheus.Desc
}

// NewCollector makes the collector of whatever poller is in force: a reload puts another in its place. All of them share
// their Metrics.
func NewCollector(current func() *Poller) *Collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	sensor := []string{"company", "machine", "sensor"}
	machineIDs := []string{"company_id", "company_name", "machine_id", "machine_name"}
	return &Collector{
		current: current,
		value: desc("innius_sensor_value", "Newest reading of the sensor, in the sensor's own unit (label unit of innius_sensor_info). "+
			"Cached: innius_sensor_timestamp_seconds says when it was measured. Absent when stale.", sensor...),
		timestamp: desc("innius_sensor_timestamp_seconds", "When the newest reading was measured, at the source, "+
			"in seconds since the epoch. Stays when the value went stale.", sensor...),
		lastSuccess: desc("innius_sensor_last_success_timestamp_seconds", "When the API last answered for this sensor, "+
			"in seconds since the epoch.", sensor...),
		expected: desc("innius_sensor_expected_interval_seconds", "The sensor's reporting interval, as learned from its timestamps. "+
			"Absent until learned, and while the newest reading is a text or has no usable time: such a sensor is not silent.", sensor...),
		sensorInfo: desc("innius_sensor_info", "Ids, names and unit of a sensor, as innius gives them. Always 1.",
			append(append(sensor[:3:3], machineIDs...), "sensor_id", "sensor_name", "unit")...),
		machineInfo: desc("innius_machine_info", "Ids and names of a machine, as innius gives them. Always 1.",
			append(sensor[:2:2], machineIDs...)...),
		up: desc("innius_up", "Whether innius answers for this account: 0 after a failure of the key, or when no request "+
			"succeeded for 5 min or three planned gaps between requests. Absent before the first answer.", "account"),
		failure: desc("innius_exporter_account_failure", "Why an account fails: 1 for the reason in force "+
			"(key, network, server, answer).", "account", "reason"),
		accountInfo: desc("innius_account_info", "The company that an account's key belongs to. Always 1.",
			"account", "company", "company_id", "company_name"),
		sensors: desc("innius_exporter_sensors", "Sensors by state, each in exactly one: waiting (no first answer), fresh, "+
			"late (silent for more than three of its intervals), stale, unreadable (no number), failing, "+
			"filtered (or asked for by another account).", "account", "state"),
		clashes: desc("innius_exporter_name_clashes", "Sensors whose labels had to be made unique by an id.", "account"),
		allowance: desc("innius_exporter_api_allowance_requests_per_hour", "Requests per hour that the exporter keeps to.",
			"account"),
		lowered: desc("innius_exporter_api_allowance_lowered", "1 while fewer requests per hour are sent than configured, because "+
			"innius refused more: limit_or_shared (its limit is lower than configured, or another tool uses the same key), shared "+
			"(what it refuses changes, so another tool does).", "account", "cause"),
		demand: desc("innius_exporter_demand_requests_per_hour", "Requests per hour that the sensors' own paces ask for, each reading "+
			"once but no sensor more often than min_interval.", "account"),
		promises: desc("innius_exporter_promises", "Sensors with max_age by state: kept, broken (a reading waits to be picked up for longer), stretched "+
			"(promises take more than their share of the allowance and are all stretched alike).", "account", "state"),
		remaining: desc("innius_exporter_api_allowance_remaining_requests", "Requests that could be sent at once.", "account"),
		paused: desc("innius_exporter_paused_until_timestamp_seconds", "Until when nothing is sent, in seconds since the epoch. "+
			"Absent when not paused.", "account"),
		discovered: desc("innius_exporter_discovery_last_success_timestamp_seconds", "Everything in the catalogue was seen at or "+
			"after this moment, in seconds since the epoch.", "account"),
	}
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.value, c.timestamp, c.lastSuccess, c.sensorInfo, c.machineInfo, c.up, c.failure, c.accountInfo, c.sensors,
		c.clashes, c.allowance, c.lowered, c.remaining, c.paused, c.discovered, c.expected, c.demand, c.promises,
	} {
		ch <- d
	}
	for _, v := range c.current().opts.Metrics.vectors() {
		v.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	now, p := time.Now(), c.current()
	v := p.catalogue.view.Load()
	for i, a := range p.accounts {
		s := scrape{Collector: c, poller: p, ch: ch, now: now}
		s.account(a, v.companies[i])
		s.plant(a, v.machines[i])
	}
	for _, v := range p.opts.Metrics.vectors() {
		v.Collect(ch)
	}
}

// scrape is one scrape at one moment.
type scrape struct {
	*Collector
	poller *Poller
	ch     chan<- prometheus.Metric
	now    time.Time
}

func (s *scrape) gauge(d *prometheus.Desc, value float64, labels ...string) {
	s.ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

// moment exposes a moment; an unknown one is absent.
func (s *scrape) moment(d *prometheus.Desc, t time.Time, labels ...string) {
	if !t.IsZero() {
		s.gauge(d, seconds(t), labels...)
	}
}

// account exposes how an account does.
func (s *scrape) account(a *account, company *innius.Company) {
	h, perHour := a.health.Load(), a.Pacer.PerHour()
	if up, known := h.up(s.now, perHour); known {
		s.gauge(s.up, boolean(up), a.Name)
	}
	failure := h.failure(s.now, perHour)
	for _, reason := range []string{"key", "network", "server", "answer"} {
		s.gauge(s.failure, boolean(reason == failure), a.Name, reason)
	}
	if company != nil {
		s.gauge(s.accountInfo, 1, a.Name, s.poller.opts.Labels.text(company.ID, company.Name),
			label(company.ID, company.ID), label(company.Name, company.ID))
	}
	s.gauge(s.allowance, perHour, a.Name)
	for _, cause := range []allowance.Cause{allowance.LimitOrShared, allowance.Shared} {
		s.gauge(s.lowered, boolean(h.lowered == cause), a.Name, string(cause))
	}
	s.gauge(s.demand, h.demand, a.Name)
	s.gauge(s.remaining, a.Pacer.Remaining(s.now), a.Name)
	s.moment(s.paused, h.pausedUntil(s.now), a.Name)
	s.moment(s.discovered, h.verified, a.Name)
}

// plant exposes an account's machines and sensors, and counts the sensors' states.
func (s *scrape) plant(a *account, machines []*machine) {
	counts, clashes, cycle := map[State]int{}, 0, a.cycle()
	promises, stretched := map[Promise]int{}, a.health.Load().stretch > 1
	for _, m := range machines {
		if m.filtered == "" && m.twinOf == "" {
			s.gauge(s.machineInfo, 1, append([]string{m.companyLabel, m.label}, m.names()...)...)
		}
		for _, sensor := range m.sensors {
			o, staleAfter := sensor.cell.Load(), s.poller.staleAfter(sensor, cycle)
			counts[sensor.state(o, staleAfter, s.now)]++
			if !sensor.polled() {
				continue
			}
			if m.clash || sensor.clash {
				clashes++
			}
			promises[sensor.promise(o, stretched, s.now)]++
			s.sensor(m, sensor, o, staleAfter)
		}
	}
	for _, state := range States {
		s.gauge(s.sensors, float64(counts[state]), a.Name, string(state))
	}
	for _, state := range Promises {
		s.gauge(s.promises, float64(promises[state]), a.Name, string(state))
	}
	s.gauge(s.clashes, float64(clashes), a.Name)
}

func (s *scrape) sensor(m *machine, sensor *sensor, o *observation, staleAfter time.Duration) {
	labels := []string{m.companyLabel, m.label, sensor.label}
	if o.exposed(staleAfter, s.now) {
		s.gauge(s.value, o.value, labels...)
	}
	s.moment(s.timestamp, o.at, labels...)
	s.moment(s.lastSuccess, o.answered, labels...)
	if interval := sensor.expected(o); interval > 0 {
		s.gauge(s.expected, interval, labels...)
	}
	s.gauge(s.sensorInfo, 1, append(append(labels, m.names()...),
		label(sensor.ID, sensor.ID), label(sensor.Name, sensor.ID), label(sensor.Unit, sensor.ID))...)
}

// names returns the labels company_id, company_name, machine_id and machine_name.
func (m *machine) names() []string {
	return []string{
		label(m.company.ID, m.company.ID), label(m.company.Name, m.company.ID), label(m.ID, m.ID), label(m.Name, m.ID),
	}
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
