package collector

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/ratelimit"
	"innius_exporter/internal/poller/reading"
)

// families declares all metrics. To add one, add it here and to docs/metrics.md. A name that ends in _total is a counter.
func families() []*family {
	return []*family{
		// One series per sensor, with the labels company, machine and sensor; none if the function returns false.
		perSensor("innius_sensor_value",
			"Newest reading of the sensor, in the unit that innius_sensor_info names. "+
				"Absent when stale, and for a state without a number.",
			func(s *sensor) (float64, bool) { return s.Value, s.hasNumber() }),
		perSensor("innius_sensor_timestamp_seconds",
			"Source time of the newest reading, in seconds since the epoch. It stays when the value is stale.",
			func(s *sensor) (float64, bool) { return timestamp(s.Time) }),
		perSensor("innius_sensor_last_success_timestamp_seconds",
			"Time of the last successful poll of the sensor, in seconds since the epoch. Absent before the first.",
			func(s *sensor) (float64, bool) { return timestamp(s.LastSuccess) }),
		perSensor("innius_sensor_reporting_interval_seconds",
			"Usual time between two readings of the sensor, in seconds. Absent until learned, and for text that no rule maps.",
			func(s *sensor) (float64, bool) {
				interval := poller.ReportingInterval(s.Record)
				return interval, interval > 0
			}),

		// Of sensors with extremes in the config.
		perExtreme("innius_sensor_value_min",
			"Lowest new reading of the latest poll that brought any and of the last 10 min, by arrival. Absent when the value is.",
			func(lowest, _ float64) float64 { return lowest }),
		perExtreme("innius_sensor_value_max",
			"Highest new reading of the latest poll that brought any and of the last 10 min, by arrival. Absent when the value is.",
			func(_, highest float64) float64 { return highest }),

		newFamily("innius_sensor_status",
			"Status of the sensor: 1 for the one in force, the others are absent. What a text sensor reports is innius_sensor_state.",
			[]string{"company", "machine", "sensor", "status"}, func(s *scrape, out *output) {
				s.eachSensor(out, func(one *sensor) {
					out.add(1, one.of.Label, string(one.status))
				})
			}),
		// Of the sensors whose rule lists states.
		newFamily("innius_sensor_state",
			"State that a text sensor reports: 1 for the newest, 0 for the others. Absent when stale. For the exporter's verdict see "+
				"innius_sensor_status.",
			stateLabels, func(s *scrape, out *output) {
				s.eachState(out, []string{reading.OtherState}, func(one *sensor, state string) {
					if now := one.States.Now(one.of.Rule.States); now != "" && one.exposed {
						out.add(boolean(state == now), one.of.Label, state)
					}
				})
			}),
		newFamily("innius_sensor_state_seconds_total",
			"Time in each state, up to the last successful poll. Time of which no reading shows the state is unknown.",
			stateLabels, func(s *scrape, out *output) {
				s.eachState(out, []string{reading.OtherState, reading.UnknownState}, func(one *sensor, state string) {
					out.add(one.States.In(state).Seconds(), one.of.Label, state)
				})
			}),
		newFamily("innius_sensor_info", "Ids, names and unit of the sensor as in innius. Always 1.",
			sensorInfoLabels,
			func(s *scrape, out *output) {
				s.eachOf(s.sensorsByInfo, out, shareInfo, func(_ int, one *inventory.Sensor) {
					if s.plain {
						out.add(1, one.Label, one.ID, one.Name, one.Unit)
					} else {
						out.add(1, sensorInfo(one)...)
					}
				})
			}),

		newFamily("innius_machine_status",
			"Status of the machine: 1 for the one in force (unknown, degraded, off, ok), 0 for the others.",
			[]string{"company", "machine", "status"}, func(s *scrape, out *output) {
				for _, m := range s.judged {
					out.share(m.CompanyLabel, m.Label)
					for _, status := range machineStatuses {
						out.add(boolean(m.status == status), string(status))
					}
				}
			}),
		newFamily("innius_machine_status_since_timestamp_seconds",
			"Time since which the machine has had its status, in seconds since the epoch. A restart with state keeps it.",
			[]string{"company", "machine"}, func(s *scrape, out *output) {
				for _, m := range s.judged {
					if seconds, known := timestamp(m.since); known {
						out.share(m.CompanyLabel, m.Label)
						out.add(seconds)
					}
				}
			}),
		newFamily("innius_machine_info", "Ids and names of the machine as in innius. Always 1.",
			machineInfoLabels, func(s *scrape, out *output) {
				for _, m := range s.machinesByInfo {
					shareInfo(out, m)
					out.add(1)
				}
			}),

		// Per account, with the label account and those named here, sorted.
		perAccount("innius_up",
			"Whether requests to innius succeed: 0 while innius_exporter_account_failure has a reason. Absent before the first response.",
			nil, func(a *account, out *output) {
				if a.Responded {
					out.add(boolean(a.Up))
				}
			}),
		perAccount("innius_account_info", "Company of the account. Always 1.",
			[]string{"company", "company_id", "company_name"}, func(a *account, out *output) {
				if c := a.Company; c != nil {
					out.add(1, a.labels.Label(c.ID, c.Name), inventory.Repair(c.ID, c.ID), inventory.Repair(c.Name, c.ID))
				}
			}),
		perAccount("innius_exporter_account_failure", "Whether the account fails for this reason.",
			[]string{"reason"}, func(a *account, out *output) {
				for _, reason := range []string{"invalid_response", "key", "network", "server"} {
					out.add(boolean(reason == a.Failure), reason)
				}
			}),
		perAccount("innius_exporter_sensors", "Sensors by status. Each sensor has exactly one.",
			[]string{"status"}, func(a *account, out *output) {
				for _, status := range sensorStatuses {
					out.add(float64(a.statuses[slices.Index(poller.SensorStatuses[:], status)]), string(status))
				}
			}),
		perAccount("innius_exporter_label_collisions",
			"Sensors whose labels contain an id because another sensor has the same names.",
			nil, func(a *account, out *output) { out.add(float64(a.collisions)) }),
		perAccount("innius_exporter_max_age_sensors",
			"Sensors with a max-age target, by whether it is met. Relaxed: all targets together need more requests than they may use.",
			[]string{"status"}, func(a *account, out *output) {
				for i, status := range poller.MaxAgeStatuses {
					out.add(float64(a.maxAge[i]), string(status))
				}
			}),
		perAccount("innius_exporter_sensors_overflowing",
			"Sensors that want every reading (extremes, states or complete in the config) and whose latest poll missed some.",
			nil, func(a *account, out *output) { out.add(float64(a.overflows)) }),
		perAccount("innius_exporter_demand_requests_per_hour",
			"Requests per hour that are needed for a poll after each reading, but of no sensor more often than min_interval.",
			nil, func(a *account, out *output) { out.add(a.Demand) }),
		perAccount("innius_exporter_api_rate_limit_requests_per_hour", "Requests per hour that the exporter sends at most.",
			nil, func(a *account, out *output) { out.add(a.RequestsPerHour) }),
		perAccount("innius_exporter_api_rate_limit_lowered",
			"Whether the exporter sends fewer requests per hour than configured for this cause: limit_or_shared (the limit of innius "+
				"is lower, or another tool uses the key), shared (another tool uses the key).",
			[]string{"cause"}, func(a *account, out *output) {
				for _, cause := range []ratelimit.Cause{ratelimit.LimitOrShared, ratelimit.Shared} {
					out.add(boolean(a.Lowered == cause), string(cause))
				}
			}),
		perAccount("innius_exporter_api_remaining_requests", "Requests that the exporter could send now.",
			nil, func(a *account, out *output) { out.add(a.Remaining) }),
		perAccount("innius_exporter_api_paused_until_timestamp_seconds",
			"End of the pause in which no requests are sent, in seconds since the epoch. Absent without a pause.",
			nil, func(a *account, out *output) { addTime(a.PausedUntil, out) }),
		perAccount("innius_exporter_api_clock_difference_seconds",
			"How far the API's clock is ahead of the exporter's, in seconds. Absent before the first response with a date.",
			nil, func(a *account, out *output) {
				if a.ClockKnown {
					out.add(a.ClockDifference.Seconds())
				}
			}),
		perAccount("innius_exporter_discovery_last_success_timestamp_seconds",
			"Time of the oldest list in the inventory, in seconds since the epoch. Absent before the first discovery is complete.",
			nil, func(a *account, out *output) { addTime(a.Verified, out) }),

		// Events of an account since the process started.
		perAccount("innius_exporter_api_requests_total",
			"Requests sent to the innius API, by operation and status code (error: no response).",
			[]string{"code", "operation"}, func(a *account, out *output) {
				for kind, n := range a.counters.Requests() {
					out.add(float64(n), kind.Code, string(kind.Operation))
				}
			}),
		perAccount("innius_exporter_polls_without_new_reading_total", "Successful polls that brought no new reading.",
			nil, func(a *account, out *output) { out.add(float64(a.counters.PollsWithoutNewReading.Load())) }),
		perAccount("innius_exporter_readings_total",
			"New readings, each counted once, also those that are not exposed.",
			nil, func(a *account, out *output) { out.add(float64(a.counters.Readings.Load())) }),
		perAccount("innius_exporter_readings_late_total",
			"New readings older than one already known, or than the time that innius_sensor_state_seconds_total has counted.",
			nil, func(a *account, out *output) { out.add(float64(a.counters.LateReadings.Load())) }),
		perAccount("innius_exporter_reading_gaps_total",
			"Times between two known readings in which no poll showed whether there are others.",
			nil, func(a *account, out *output) { out.add(float64(a.counters.Gaps.Load())) }),
		perAccount("innius_exporter_reading_gap_seconds_total",
			"Length of these gaps in seconds, of all sensors together.",
			nil, func(a *account, out *output) { out.add(a.counters.GapSeconds()) }),
		perAccount("innius_exporter_readings_skipped_total",
			"Readings that are not exposed, by reason: number (null or not finite), text (no number), time (unreadable), "+
				"future (more than 5 min ahead of the API's clock).",
			[]string{"reason"}, func(a *account, out *output) {
				for _, reason := range slices.Sorted(maps.Keys(a.counters.Skipped)) {
					out.add(float64(a.counters.Skipped[reason].Load()), string(reason))
				}
			}),
		perAccountHistogram("innius_exporter_api_request_duration_seconds",
			"Duration of requests to the innius API in seconds, without the wait for the rate limit.",
			func(a *account) *poller.Histogram { return a.counters.RequestDuration }),
		perAccountHistogram("innius_exporter_reading_lag_seconds",
			"Age of a new reading at its poll, in seconds. The first reading of a sensor does not count.",
			func(a *account) *poller.Histogram { return a.counters.ReadingLag }),
	}
}

// family is a metric family.
type family struct {
	name, help, typeName string
	kind                 prometheus.ValueType
	labels               []string               // sorted
	collect              func(*scrape, *output) // the series, sorted by their label values
	desc                 *prometheus.Desc
}

func newFamily(name, help string, labels []string, collect func(*scrape, *output)) *family {
	f := &family{name: name, help: help, typeName: "gauge", kind: prometheus.GaugeValue, labels: labels, collect: collect}
	if strings.HasSuffix(name, "_total") {
		f.typeName, f.kind = "counter", prometheus.CounterValue
	}
	return f
}

func perSensor(name, help string, value func(*sensor) (float64, bool)) *family {
	return newFamily(name, help, sensorLabels, func(s *scrape, out *output) {
		s.eachSensor(out, func(one *sensor) {
			if value, exists := value(one); exists {
				out.add(value, one.of.Label)
			}
		})
	})
}

func perExtreme(name, help string, of func(lowest, highest float64) float64) *family {
	return newFamily(name, help, sensorLabels, func(s *scrape, out *output) {
		if !s.extremes {
			return
		}
		s.eachSensor(out, func(one *sensor) {
			if one.hasNumber() && one.of.Rule.Extremes {
				out.add(of(s.view.MinMax(one.of, one.Record)), one.of.Label)
			}
		})
	})
}

// perAccount returns a family whose series add those of one account, sorted by the values of the labels beyond account.
func perAccount(name, help string, labels []string, series func(*account, *output)) *family {
	return newFamily(name, help, append([]string{"account"}, labels...), func(s *scrape, out *output) {
		for _, a := range s.accounts {
			out.share(a.Name)
			series(a, out)
		}
	})
}

func perAccountHistogram(name, help string, of func(*account) *poller.Histogram) *family {
	f := newFamily(name, help, []string{"account"}, func(s *scrape, out *output) {
		for _, a := range s.accounts {
			out.addHistogram(of(a), a.Name)
		}
	})
	f.typeName = "histogram"
	return f
}

// The labels of innius_machine_info are the first of those of innius_sensor_info.
var (
	sensorInfoLabels = []string{
		"company", "company_id", "company_name", "machine", "machine_id", "machine_name", "sensor", "sensor_id", "sensor_name", "unit",
	}
	machineInfoLabels = sensorInfoLabels[:6]
	sensorLabels      = []string{"company", "machine", "sensor"}
	stateLabels       = []string{"company", "machine", "sensor", "state"}
)

// Sorted, as series are.
var (
	sensorStatuses  = slices.Sorted(slices.Values(poller.SensorStatuses[:]))
	machineStatuses = slices.Sorted(slices.Values(poller.MachineStatuses[:]))
)

// machineInfo appends the values of a machine to what is there.
func machineInfo(to []string, m *inventory.Machine) []string {
	return append(to, m.CompanyLabel, inventory.Repair(m.Company.ID, m.Company.ID), inventory.Repair(m.Company.Name, m.Company.ID),
		m.Label, inventory.Repair(m.ID, m.ID), inventory.Repair(m.Name, m.ID),
	)
}

func shareInfo(out *output, m *inventory.Machine) { out.share(machineInfo(make([]string, 0, 6), m)...) }

// sensorInfo returns the values of a sensor beyond those of its machine.
func sensorInfo(s *inventory.Sensor) []string {
	return []string{s.Label, inventory.Repair(s.ID, s.ID), inventory.Repair(s.Name, s.ID), inventory.Repair(s.Unit, s.Unit)}
}

func timestamp(t time.Time) (seconds float64, known bool) {
	if t.IsZero() {
		return 0, false
	}
	return float64(t.UnixMilli()) / 1e3, true
}

func addTime(t time.Time, out *output) {
	if seconds, known := timestamp(t); known {
		out.add(seconds)
	}
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
