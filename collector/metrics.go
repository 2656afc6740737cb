package collector

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/ratelimit"
)

// families declares all metrics. To add one, add it here and to docs/metrics.md. A name that ends in _total is a counter.
func families() []*family {
	return []*family{
		// One series per sensor, with the labels company, machine and sensor; none if the function returns false.
		perSensor("innius_sensor_value",
			"Newest reading of the sensor, in the unit that innius_sensor_info names. Absent when stale.",
			func(s *poller.SensorView) (float64, bool) { return s.Value, s.Exposed }),
		perSensor("innius_sensor_timestamp_seconds",
			"Source time of the newest reading, in seconds since the epoch. It stays when the value is stale.",
			func(s *poller.SensorView) (float64, bool) { return timestamp(s.Time) }),
		perSensor("innius_sensor_last_success_timestamp_seconds",
			"Time of the last successful poll of the sensor, in seconds since the epoch. Absent before the first.",
			func(s *poller.SensorView) (float64, bool) { return timestamp(s.LastSuccess) }),
		perSensor("innius_sensor_reporting_interval_seconds",
			"Usual time between two readings of the sensor, in seconds. Absent until learned, and for text that no rule maps.",
			func(s *poller.SensorView) (float64, bool) { return s.Interval, s.Interval > 0 }),

		// Other series of sensors and machines, which addPlant makes.
		described(sensorStatus,
			"Status of the sensor: 1 for the one in force, the others are absent. What a text sensor reports is not a status.",
			"company", "machine", "sensor", "status"),
		described(sensorInfo, "Ids, names and unit of the sensor as in innius. Always 1.", sensorLabels[:]...),
		described(machineStatus,
			"Status of the machine: 1 for the one in force (unknown, degraded, off, ok), 0 for the others.",
			"company", "machine", "status"),
		described(machineSince,
			"Time of the last change of the machine's status, in seconds since the epoch. A restart with state keeps it.",
			"company", "machine"),
		described(machineInfo, "Ids and names of the machine as in innius. Always 1.", machineLabels[:]...),

		// Per account, with the label account and those named here, sorted.
		perAccount("innius_up",
			"Whether requests to innius succeed: 0 while innius_exporter_account_failure has a reason. Absent before the first response.",
			nil, func(a *account, add emit) {
				if a.Responded {
					add(boolean(a.Up))
				}
			}),
		perAccount("innius_account_info", "Company of the account. Always 1.",
			[]string{"company", "company_id", "company_name"}, func(a *account, add emit) {
				if c := a.company; c != nil {
					add(1, a.companyLabel, inventory.Repair(c.ID, c.ID), inventory.Repair(c.Name, c.ID))
				}
			}),
		perAccount("innius_exporter_account_failure", "Whether the account fails for this reason.",
			[]string{"reason"}, func(a *account, add emit) {
				for _, reason := range []string{"invalid_response", "key", "network", "server"} {
					add(boolean(reason == a.Failure), reason)
				}
			}),
		perAccount("innius_exporter_sensors", "Sensors by status. Each sensor has exactly one.",
			[]string{"status"}, func(a *account, add emit) {
				for _, status := range poller.SensorStatuses {
					add(float64(a.statuses[status]), string(status))
				}
			}),
		perAccount("innius_exporter_label_collisions",
			"Sensors whose labels contain an id because another sensor has the same names.",
			nil, func(a *account, add emit) { add(float64(a.collisions)) }),
		perAccount("innius_exporter_max_age_sensors",
			"Sensors with a max-age target, by whether it is met. Relaxed: all targets together need more requests than they may use.",
			[]string{"status"}, func(a *account, add emit) {
				for _, status := range poller.MaxAgeStatuses {
					add(float64(a.maxAge[status]), string(status))
				}
			}),
		perAccount("innius_exporter_demand_requests_per_hour",
			"Requests per hour that are needed to fetch each reading, polling no sensor more often than min_interval.",
			nil, func(a *account, add emit) { add(a.Demand) }),
		perAccount("innius_exporter_api_rate_limit_requests_per_hour", "Requests per hour that the exporter sends at most.",
			nil, func(a *account, add emit) { add(a.RequestsPerHour) }),
		perAccount("innius_exporter_api_rate_limit_lowered",
			"Whether the exporter sends fewer requests per hour than configured for this cause: limit_or_shared (the limit of innius "+
				"is lower, or another tool uses the key), shared (another tool uses the key).",
			[]string{"cause"}, func(a *account, add emit) {
				for _, cause := range []ratelimit.Cause{ratelimit.LimitOrShared, ratelimit.Shared} {
					add(boolean(a.Lowered == cause), string(cause))
				}
			}),
		perAccount("innius_exporter_api_remaining_requests", "Requests that the exporter could send now.",
			nil, func(a *account, add emit) { add(a.Remaining) }),
		perAccount("innius_exporter_api_paused_until_timestamp_seconds",
			"End of the pause in which no requests are sent, in seconds since the epoch. Absent without a pause.",
			nil, func(a *account, add emit) { addTime(a.PausedUntil, add) }),
		perAccount("innius_exporter_api_clock_difference_seconds",
			"How far the API's clock is ahead of the exporter's, in seconds. Absent before the first response with a date.",
			nil, func(a *account, add emit) {
				if a.ClockKnown {
					add(a.ClockDifference.Seconds())
				}
			}),
		perAccount("innius_exporter_discovery_last_success_timestamp_seconds",
			"Time of the oldest list in the inventory, in seconds since the epoch. Absent before the first discovery is complete.",
			nil, func(a *account, add emit) { addTime(a.Verified, add) }),

		// Events of an account since the process started.
		perAccount("innius_exporter_api_requests_total",
			"Requests sent to the innius API, by operation and status code (error: no response).",
			[]string{"code", "operation"}, func(a *account, add emit) {
				for kind, n := range a.counters.Requests() {
					add(float64(n), kind.Code, string(kind.Operation))
				}
			}),
		perAccount("innius_exporter_polls_without_new_reading_total", "Successful polls that brought no new reading.",
			nil, func(a *account, add emit) { add(float64(a.counters.PollsWithoutNewReading.Load())) }),
		perAccount("innius_exporter_readings_skipped_total",
			"Readings that are not exposed, by reason: number (null or not finite), text (no number), time (unreadable), "+
				"future (more than 5 min ahead of the API's clock), order (older than an earlier response).",
			[]string{"reason"}, func(a *account, add emit) {
				for reason, n := range a.counters.Skipped {
					add(float64(n.Load()), string(reason))
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
	name, help string
	labels     []string // sorted
	kind       dto.MetricType

	// How to make the series: one of these, or none for those of addPlant.
	sensor    func(*poller.SensorView) (value float64, exists bool)
	account   func(*account, emit)
	histogram func(*account) *poller.Histogram

	desc  *prometheus.Desc
	index int // among the families, sorted by name
}

// emit adds a series of an account; the values are those of the labels beyond account.
type emit func(value float64, values ...string)

func described(name, help string, labels ...string) *family {
	kind := dto.MetricType_GAUGE
	if strings.HasSuffix(name, "_total") {
		kind = dto.MetricType_COUNTER
	}
	return &family{name: name, help: help, labels: labels, kind: kind}
}

func perSensor(name, help string, value func(*poller.SensorView) (float64, bool)) *family {
	f := described(name, help, "company", "machine", "sensor")
	f.sensor = value
	return f
}

func perAccount(name, help string, labels []string, values func(*account, emit)) *family {
	f := described(name, help, append([]string{"account"}, labels...)...)
	f.account = values
	return f
}

func perAccountHistogram(name, help string, of func(*account) *poller.Histogram) *family {
	f := described(name, help, "account")
	f.kind, f.histogram = dto.MetricType_HISTOGRAM, of
	return f
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
