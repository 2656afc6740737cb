package poller

import (
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Collector exposes what a Poller knows now, in two ways that give the same bytes: as a prometheus.Collector, for whoever
// embeds it in a registry, and as a prometheus.TransactionalGatherer, which spares a large plant the registry's work on each
// series. What is counted between scrapes is Metrics, a collector of its own. Both ways read memory only: they do no I/O, wait
// for no writer and know no error. Any number of scrapes may run at once.
type Collector struct {
	current  func() *Poller
	families []*family // sorted by name
	sent     sync.Pool // of *scrape

	value, timestamp, lastSuccess, sensorInfo, machineInfo *family
	up, failure, accountInfo, sensors, clashes             *family
	allowance, lowered, remaining, paused, discovered      *family
	expected, demand, maxAge, clock                        *family
	sensorStatus, machineStatus, machineSince              *family
}

// family is a metric family of gauges.
type family struct {
	name, help string
	desc       *prometheus.Desc
	place      int  // among the families
	unordered  bool // sorted in each scrape; the other series of machines and sensors come in their order
}

// NewCollector makes the collector of whatever poller is in force: a reload puts another in its place. All of them share
// their Metrics.
func NewCollector(current func() *Poller) *Collector {
	var families []*family
	declare := func(name, help string, labels ...string) *family {
		f := &family{name: name, help: help, unordered: slices.Contains(labels, labelAccount) || strings.HasPrefix(name, "innius_machine_status"), desc: prometheus.NewDesc(name, help, labels, nil)}
		families = append(families, f)
		return f
	}
	sensor := []string{"company", "machine", "sensor"}
	machineIDs := []string{"company_id", "company_name", "machine_id", "machine_name"}
	c := &Collector{
		current: current,
		value: declare("innius_sensor_value", "Newest reading of the sensor, in the sensor's own unit (label unit of innius_sensor_info). "+
			"Cached: innius_sensor_timestamp_seconds says when it was measured. Absent when stale.", sensor...),
		timestamp: declare("innius_sensor_timestamp_seconds", "When the newest reading was measured, at the source, "+
			"in seconds since the epoch. Stays when the value went stale.", sensor...),
		lastSuccess: declare("innius_sensor_last_success_timestamp_seconds", "When the API last answered for this sensor, "+
			"in seconds since the epoch.", sensor...),
		expected: declare("innius_sensor_expected_interval_seconds", "The sensor's reporting interval, as learned from its timestamps. "+
			"Absent until learned, and while the newest reading is a text or has no usable time: such a sensor is not silent.", sensor...),
		sensorInfo: declare("innius_sensor_info", "Ids, names and unit of a sensor, as innius gives them. Always 1.",
			append(append(sensor[:3:3], machineIDs...), "sensor_id", "sensor_name", "unit")...),
		machineInfo: declare("innius_machine_info", "Ids and names of a machine, as innius gives them. Always 1.",
			append(sensor[:2:2], machineIDs...)...),
		up: declare("innius_up", "Whether innius responds for this account: 0 exactly while innius_exporter_account_failure has a reason. "+
			"Absent before the first response.", "account"),
		failure: declare("innius_exporter_account_failure", "Why an account fails: 1 for the reason in force "+
			"(key, network, server, answer).", "account", "reason"),
		accountInfo: declare("innius_account_info", "The company that an account's key belongs to. Always 1.",
			"account", "company", "company_id", "company_name"),
		sensorStatus: declare("innius_sensor_status", "1 for the status of the sensor: pending, failing, unreadable, no_readings, stale, silent, "+
			"delayed or current. Absent for excluded sensors and for the other statuses.", append(sensor[:3:3], "status")...),
		machineStatus: declare("innius_machine_status", "1 for the status of the machine (unknown, degraded, off, ok), 0 for the others.",
			append(sensor[:2:2], "status")...),
		machineSince: declare("innius_machine_status_since_timestamp_seconds", "Time of the last change of the machine's status, in seconds "+
			"since the epoch. A restart with state keeps it.", sensor[:2:2]...),
		sensors: declare("innius_exporter_sensors", "Sensors by status, each in exactly one: excluded (by a filter, or polled by another account), "+
			"pending, failing, unreadable, no_readings, stale, silent, delayed, current.", "account", "status"),
		clashes: declare("innius_exporter_name_clashes", "Sensors whose labels had to be made unique by an id.", "account"),
		allowance: declare("innius_exporter_api_allowance_requests_per_hour", "Requests per hour that the exporter keeps to.",
			"account"),
		lowered: declare("innius_exporter_api_allowance_lowered", "1 while fewer requests per hour are sent than configured, because "+
			"innius refused more: limit_or_shared (its limit is lower than configured, or another tool uses the same key), shared "+
			"(what it refuses changes, so another tool does).", "account", "cause"),
		demand: declare("innius_exporter_demand_requests_per_hour", "Requests per hour that the sensors' own paces ask for, each reading "+
			"once but no sensor more often than min_interval.", "account"),
		maxAge: declare("innius_exporter_max_age_sensors", "Sensors with max_age by status of this target: met, missed (a reading waits longer to be "+
			"picked up), relaxed (the targets need more than their share of the rate limit; all are relaxed by one factor).", "account", "status"),
		remaining: declare("innius_exporter_api_allowance_remaining_requests", "Requests that could be sent at once.", "account"),
		paused: declare("innius_exporter_paused_until_timestamp_seconds", "Until when nothing is sent, in seconds since the epoch. "+
			"Absent when not paused.", "account"),
		clock: declare("innius_exporter_api_clock_difference_seconds", "How far the API's clock is ahead of the exporter's, in seconds; "+
			"negative: behind. Absent as long as no response has had a Date header; a restart with state keeps it.", "account"),
		discovered: declare("innius_exporter_discovery_last_success_timestamp_seconds", "Everything in the catalogue was seen at or "+
			"after this moment, in seconds since the epoch.", "account"),
	}
	slices.SortFunc(families, func(a, b *family) int { return strings.Compare(a.name, b.name) })
	for i, f := range families {
		f.place = i
	}
	c.families = families
	return c
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range c.families {
		ch <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	s := c.scrape()
	for i, f := range c.families {
		for _, m := range s.filled[i].list {
			ch <- gathered{f.desc, m}
		}
	}
}

// gathered is a series as a registry takes it.
type gathered struct {
	desc   *prometheus.Desc
	metric *dto.Metric
}

// Desc implements prometheus.Metric.
func (g gathered) Desc() *prometheus.Desc { return g.desc }

// Write implements prometheus.Metric.
func (g gathered) Write(out *dto.Metric) error {
	out.Label, out.Gauge = g.metric.Label, g.metric.Gauge
	return nil
}

// Gather implements prometheus.TransactionalGatherer: all gauges, sorted as a registry sorts them. The result is the caller's until done, which nobody waits for: a client that reads slowly keeps neither
// an update nor another scrape waiting.
func (c *Collector) Gather() (families []*dto.MetricFamily, done func(), err error) {
	s := c.scrape()
	for i, f := range c.families {
		if list := s.filled[i].list; len(list) > 0 {
			families = append(families, &dto.MetricFamily{Name: &f.name, Help: &f.help, Type: dto.MetricType_GAUGE.Enum(), Metric: list})
		}
	}
	return families, sync.OnceFunc(s.release), nil
}
