// Package status describes what the exporter knows, for people: the data of the status page and of its JSON, and the sentences
// that explain what is wrong and what to do.
package status

import (
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/reading"
)

// Status is everything that is known at one time. It contains no secret: the client redacts every text from the API. Unknown
// times are zero, and absent in JSON.
type Status struct {
	At        time.Time `json:"at"`
	Unmatched []string  `json:"unmatched,omitempty"` // filters and rules that match nothing
	Accounts  []Account `json:"accounts"`
}

// Account is one account.
type Account struct {
	Name            string                      `json:"name"`
	Company         string                      `json:"company"`
	CompanyID       string                      `json:"company_id"`
	Up              *bool                       `json:"up"` // null before the first response
	Health          string                      `json:"health"`
	Failure         string                      `json:"failure,omitempty"`
	FailingSince    time.Time                   `json:"failing_since,omitzero"`
	LastError       string                      `json:"last_error,omitempty"`
	LastErrorAt     time.Time                   `json:"last_error_at,omitzero"`
	PausedUntil     time.Time                   `json:"paused_until,omitzero"`
	PauseReason     string                      `json:"pause_reason,omitempty"`
	RequestsPerHour float64                     `json:"rate_limit_requests_per_hour"`
	Configured      float64                     `json:"rate_limit_configured_requests_per_hour"`
	Lowered         string                      `json:"rate_limit_lowered,omitempty"` // why it is lower than configured
	Burst           int                         `json:"rate_limit_burst_requests"`
	Remaining       float64                     `json:"remaining_requests"`
	ForPolls        float64                     `json:"polls_requests_per_hour"` // what discovery leaves
	Demand          float64                     `json:"demand_requests_per_hour"`
	Cycle           float64                     `json:"cycle_seconds"`
	Plan            string                      `json:"plan"` // what the rate limit buys
	Discovery       Discovery                   `json:"discovery"`
	Sensors         map[poller.SensorStatus]int `json:"sensors_by_status"`
	MaxAge          map[poller.MaxAgeStatus]int `json:"max_age,omitempty"`
	RelaxedBy       float64                     `json:"max_age_relaxed_by,omitempty"`           // factor
	ClockDifference *float64                    `json:"api_clock_difference_seconds,omitempty"` // API clock before ours
	Remarks         []string                    `json:"remarks,omitempty"`                      // with the cure
	Machines        []Machine                   `json:"machines"`
}

// Discovery is the progress of reading the lists of machines and sensors.
type Discovery struct {
	Ended       bool      `json:"first_ended"`
	Lists       int       `json:"lists"`
	Read        int       `json:"lists_read"` // or failed
	LastSuccess time.Time `json:"last_success,omitzero"`
	Text        string    `json:"text"`
}

// Machine is one machine with its sensors.
type Machine struct {
	Machine  string                      `json:"machine"` // the label
	ID       string                      `json:"machine_id"`
	Name     string                      `json:"machine_name"`
	Status   poller.MachineStatus        `json:"status"`
	Since    time.Time                   `json:"status_since,omitzero"`
	Note     string                      `json:"note,omitempty"` // what is wrong with its list of sensors
	ByStatus map[poller.SensorStatus]int `json:"sensors_by_status"`
	Sensors  []Sensor                    `json:"sensors"`
}

// Sensor is one sensor.
type Sensor struct {
	Sensor      string              `json:"sensor"` // the label
	ID          string              `json:"sensor_id"`
	Name        string              `json:"sensor_name"`
	Unit        string              `json:"unit"`
	Status      poller.SensorStatus `json:"status"`
	Exposed     bool                `json:"on_metrics"`
	Reason      string              `json:"reason,omitempty"` // for a status other than current
	Value       *float64            `json:"value"`            // the newest number, stale or not
	Timestamp   time.Time           `json:"timestamp,omitzero"`
	Age         *float64            `json:"age_seconds"`
	Interval    float64             `json:"reporting_interval_seconds,omitempty"`
	LastSuccess time.Time           `json:"last_success,omitzero"`
	LastPoll    time.Time           `json:"last_poll,omitzero"` // with success or without
	NextPoll    time.Time           `json:"next_poll,omitzero"` // an estimate
	WaitsFor    poller.WaitsFor     `json:"next_poll_waits_for,omitempty"`
	Ahead       int                 `json:"next_poll_sensors_ahead"`
	MaxAge      poller.MaxAgeStatus `json:"max_age,omitempty"`
	Recent      []reading.Point     `json:"recent,omitempty"` // Unix seconds and number, oldest first
}

// Of describes what a poller knows now.
func Of(p *poller.Poller) Status {
	v := p.View(time.Now())
	s := Status{At: v.At.UTC(), Unmatched: p.Unmatched(), Accounts: make([]Account, len(v.Accounts))}
	for i := range v.Accounts {
		s.Accounts[i] = account(v, i)
	}
	return s
}

func account(v *poller.View, index int) Account {
	a, known := v.Accounts[index], &v.Inventory.Accounts[index]
	s := Account{
		Name: a.Name, Failure: a.Failure, FailingSince: a.FailingSince.UTC(), LastError: a.LastError, LastErrorAt: a.LastErrorAt.UTC(),
		PausedUntil: a.PausedUntil.UTC(), PauseReason: a.PauseReason, RequestsPerHour: a.RequestsPerHour, Configured: a.Configured,
		Lowered: poller.LoweredText[a.Lowered], Burst: a.Burst, Remaining: a.Remaining, ForPolls: a.ForPolls, Demand: a.Demand,
		Cycle: a.Cycle.Seconds(), Sensors: map[poller.SensorStatus]int{}, MaxAge: map[poller.MaxAgeStatus]int{}, RelaxedBy: a.RelaxedBy,
		Health: health(a, v.At), Plan: plan(a), Remarks: remarks(a), Machines: make([]Machine, len(known.Machines)),
		Discovery: Discovery{a.Settled, a.Lists, a.ListsRead, a.Verified.UTC(), discovery(a, v.At)},
	}
	if a.Responded {
		s.Up = &a.Up
	}
	if a.ClockKnown {
		s.ClockDifference = new(a.ClockDifference.Seconds())
	}
	if company := known.Company; company != nil {
		s.Company, s.CompanyID = v.Labels.Label(company.ID, company.Name), innius.Printable(company.ID)
	}
	next := v.Upcoming(index)
	for i, m := range known.Machines {
		s.Machines[i] = machine(v, a, m, next)
		next = next[len(m.Sensors):]
		for _, one := range s.Machines[i].Sensors {
			s.Sensors[one.Status]++
			if one.MaxAge != "" {
				s.MaxAge[one.MaxAge]++
			}
		}
	}
	return s
}

func machine(v *poller.View, a *poller.AccountView, m *inventory.Machine, next []poller.Upcoming) Machine {
	s := Machine{
		Machine: m.Label, ID: innius.Printable(m.ID), Name: m.Name, Note: note(m, a),
		ByStatus: map[poller.SensorStatus]int{}, Sensors: make([]Sensor, len(m.Sensors)),
	}
	s.Status, s.Since = v.Machine(m)
	s.Since = s.Since.UTC()
	for i, one := range m.Sensors {
		s.Sensors[i] = sensor(v, one, &next[i])
		s.ByStatus[s.Sensors[i].Status]++
	}
	return s
}

func sensor(v *poller.View, one *inventory.Sensor, next *poller.Upcoming) Sensor {
	o := v.Sensor(one)
	s := Sensor{
		Sensor: one.Label, ID: innius.Printable(one.ID), Name: one.Name, Unit: one.Unit, Status: o.Status, Exposed: o.Exposed,
		Reason: reason(v, one, &o, next), Timestamp: o.Time.UTC(), Interval: o.Interval, LastSuccess: o.LastSuccess.UTC(),
		LastPoll: later(o.LastSuccess, o.LastFailure).UTC(), NextPoll: next.At.UTC(), WaitsFor: next.WaitsFor, Ahead: next.Ahead,
		MaxAge: o.MaxAge, Recent: o.Recent.Points(),
	}
	if !o.Time.IsZero() {
		s.Value, s.Age = &o.Value, new(one.Machine.APITime(v.At).Sub(o.Time).Seconds())
	}
	return s
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
