package collector

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/ratelimit"
)

const (
	gauge   = dto.MetricType_GAUGE
	counter = dto.MetricType_COUNTER
)

// families declares all metrics. To add one, add it here and to docs/metrics.md.
func families() []*family {
	return []*family{
		// One series per sensor, with the labels company, machine and sensor; none if the function returns false.
		perSensor(gauge, "innius_sensor_value", "Newest reading of the sensor, in the unit that innius_sensor_info names. "+
			"Absent when stale.", func(s *poller.SensorView) (float64, bool) { return s.Value, s.Exposed }),
		perSensor(gauge, "innius_sensor_timestamp_seconds", "Source time of the newest reading, in seconds since the epoch. "+
			"It stays when the value is stale.", func(s *poller.SensorView) (float64, bool) { return timestamp(s.Time) }),
		perSensor(gauge, "innius_sensor_last_success_timestamp_seconds", "Time of the last successful poll of the sensor, in seconds "+
			"since the epoch. Absent before the first.", func(s *poller.SensorView) (float64, bool) { return timestamp(s.LastSuccess) }),
		perSensor(gauge, "innius_sensor_reporting_interval_seconds", "Usual time between two readings of the sensor, in seconds. Absent "+
			"until learned, and for text that no rule maps.", func(s *poller.SensorView) (float64, bool) { return s.Interval, s.Interval > 0 }),

		// One series per sensor with the label status.
		{kind: gauge, name: sensorStatus, help: "Status of the sensor: 1 for the one in force, the others are absent. The state that a text " +
			"sensor reports is something else. Absent for excluded sensors.", labels: []string{"company", "machine", "sensor", "status"}},

		// Per machine.
		{
			kind: gauge, name: machineStatus, help: "Status of the machine: 1 for the one in force (unknown, degraded, off, ok), 0 for the others.",
			labels: []string{"company", "machine", "status"},
		},
		{kind: gauge, name: machineSince, help: "Time of the last change of the machine's status, in seconds since the epoch. A restart with " +
			"state keeps it.", labels: []string{"company", "machine"}},

		// One series per machine or sensor.
		{kind: gauge, name: machineInfo, help: "Ids and names of the machine as in innius. Always 1.", labels: machineLabels[:]},
		{kind: gauge, name: sensorInfo, help: "Ids, names and unit of the sensor as in innius. Always 1.", labels: sensorLabels[:]},

		// Per account, with the label account and those named here, sorted.
		perAccount(gauge, "innius_up", "Whether requests to innius succeed: 0 while innius_exporter_account_failure has a reason. "+
			"Absent before the first response.", nil, func(a *account, add emit) {
			if a.Responded {
				add(boolean(a.Up))
			}
		}),
		perAccount(gauge, "innius_account_info", "Company of the account. Always 1.", []string{"company", "company_id", "company_name"},
			func(a *account, add emit) {
				if c := a.company; c != nil {
					add(1, a.companyLabel, inventory.Repair(c.ID, c.ID), inventory.Repair(c.Name, c.ID))
				}
			}),
		perAccount(gauge, "innius_exporter_account_failure", "Whether the account fails for this reason.", []string{"reason"},
			func(a *account, add emit) {
				for _, reason := range []string{"invalid_response", "key", "network", "server"} {
					add(boolean(reason == a.Failure), reason)
				}
			}),
		perAccount(gauge, "innius_exporter_sensors", "Sensors by status. Each sensor has exactly one.", []string{"status"},
			func(a *account, add emit) {
				for _, status := range poller.SensorStatuses {
					add(float64(a.statuses[status]), string(status))
				}
			}),
		perAccount(gauge, "innius_exporter_label_collisions", "Sensors whose labels contain an id because another one has the same names.",
			nil, func(a *account, add emit) { add(float64(a.collisions)) }),
		perAccount(gauge, "innius_exporter_max_age_sensors", "Sensors with a max-age target, by whether it is met. Relaxed means that all "+
			"targets together need more requests than they may use.", []string{"status"}, func(a *account, add emit) {
			for _, status := range poller.MaxAgeStatuses {
				add(float64(a.maxAge[status]), string(status))
			}
		}),
		perAccount(gauge, "innius_exporter_demand_requests_per_hour", "Requests per hour that are needed to read each reading once, but no "+
			"sensor more often than min_interval.", nil, func(a *account, add emit) { add(a.Demand) }),
		perAccount(gauge, "innius_exporter_api_rate_limit_requests_per_hour", "Requests per hour that the exporter sends at most.", nil,
			func(a *account, add emit) { add(a.RequestsPerHour) }),
		perAccount(gauge, "innius_exporter_api_rate_limit_lowered", "Whether the exporter sends fewer requests per hour than configured for "+
			"this cause: limit_or_shared (the limit of innius is lower, or another tool uses the key), shared (another tool uses the key).",
			[]string{"cause"}, func(a *account, add emit) {
				for _, cause := range []ratelimit.Cause{ratelimit.LimitOrShared, ratelimit.Shared} {
					add(boolean(a.Lowered == cause), string(cause))
				}
			}),
		perAccount(gauge, "innius_exporter_api_remaining_requests", "Requests that the exporter could send now.", nil,
			func(a *account, add emit) { add(a.Remaining) }),
		perAccount(gauge, "innius_exporter_api_paused_until_timestamp_seconds", "End of the pause in which no requests are sent, in seconds "+
			"since the epoch. Absent without a pause.", nil, func(a *account, add emit) { addTime(a.PausedUntil, add) }),
		perAccount(gauge, "innius_exporter_api_clock_difference_seconds", "How far the API's clock is ahead of the exporter's, in seconds. "+
			"Absent before the first response with a date.", nil, func(a *account, add emit) {
			if a.ClockKnown {
				add(a.ClockDifference.Seconds())
			}
		}),
		perAccount(gauge, "innius_exporter_discovery_last_success_timestamp_seconds", "Time of the oldest list in the inventory, in seconds "+
			"since the epoch. Absent before the first discovery is complete.", nil, func(a *account, add emit) { addTime(a.Verified, add) }),

		// Events of an account since the process started.
		perAccount(counter, "innius_exporter_api_requests_total", "Requests sent to the innius API, by operation and status code "+
			"(error: no response).", []string{"code", "operation"}, func(a *account, add emit) {
			for kind, n := range a.counters.Requests() {
				add(float64(n), kind.Code, string(kind.Operation))
			}
		}),
		perAccount(counter, "innius_exporter_polls_without_new_reading_total", "Successful polls that brought no new reading.", nil,
			func(a *account, add emit) { add(float64(a.counters.PollsWithoutNewReading.Load())) }),
		perAccount(counter, "innius_exporter_readings_skipped_total", "Readings that are not exposed, by reason: number (null or not finite), "+
			"text (no number), time (unreadable), future (more than 5 min ahead of the API's clock), order (older than an earlier response).",
			[]string{"reason"}, func(a *account, add emit) {
				for reason, n := range a.counters.Skipped {
					add(float64(n.Load()), string(reason))
				}
			}),
		perAccountHistogram("innius_exporter_api_request_duration_seconds", "Duration of requests to the innius API in seconds, without the "+
			"wait for the rate limit.", func(a *account) *poller.Histogram { return a.counters.RequestDuration }),
		perAccountHistogram("innius_exporter_reading_lag_seconds", "Age of a new reading at its poll, in seconds. The first reading of a "+
			"sensor does not count.", func(a *account) *poller.Histogram { return a.counters.ReadingLag }),
	}
}

// family is a metric family.
type family struct {
	kind       dto.MetricType
	name, help string
	labels     []string // sorted

	// How to make the series: one of these, or none for those of addPlant.
	sensor    func(*poller.SensorView) (value float64, exists bool)
	account   func(*account, emit)
	histogram func(*account) *poller.Histogram

	desc  *prometheus.Desc
	index int // among the families, sorted by name
}

// emit adds a series of an account; the values are those of the labels beyond account.
type emit func(value float64, values ...string)

func perSensor(kind dto.MetricType, name, help string, value func(*poller.SensorView) (float64, bool)) *family {
	return &family{kind: kind, name: name, help: help, labels: []string{"company", "machine", "sensor"}, sensor: value}
}

func perAccount(kind dto.MetricType, name, help string, labels []string, values func(*account, emit)) *family {
	return &family{kind: kind, name: name, help: help, labels: append([]string{"account"}, labels...), account: values}
}

func perAccountHistogram(name, help string, of func(*account) *poller.Histogram) *family {
	return &family{kind: dto.MetricType_HISTOGRAM, name: name, help: help, labels: []string{"account"}, histogram: of}
}

func timestamp(t time.Time) (seconds float64, known bool) {
	if t.IsZero() {
		return 0, false
	}
	return float64(t.UnixNano()) / 1e9, true
}

func addTime(t time.Time, add emit) {
	if seconds, known := timestamp(t); known {
		add(seconds)
	}
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
