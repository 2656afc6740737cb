// Package status describes what the exporter knows, for people: the data of the status page and of its JSON, and the sentences
// that explain what is wrong and what to do.
package status

import (
	"cmp"
	"math"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/poller/schedule"
)

// Status is what is known at one time, or the selected part of it. It contains no secret: the client redacts every text from the
// API. Unknown times are zero, and absent in JSON.
type Status struct {
	At        time.Time  `json:"at"`
	Unmatched []string   `json:"unmatched,omitempty"` // filters and rules that match nothing
	Receivers []Receiver `json:"remote_write,omitempty"`
	Accounts  []Account  `json:"-"` // see WriteJSON, as for Machines and Sensors
	Several   bool       `json:"-"` // there are several accounts, selected or not
	Summary   bool       `json:"-"` // not all accounts have their machines: they would be too many
	Selected  int        `json:"-"` // sensors, as in Account
}

// Receiver is one receiver of remote write. The counts are those of this process, in readings.
type Receiver struct {
	Name          string    `json:"receiver"`
	Pending       int       `json:"pending_readings"`
	OldestPending time.Time `json:"pending_oldest,omitzero"` // when it was stored in the spool
	LastSuccess   time.Time `json:"last_success,omitzero"`
	LastError     string    `json:"last_error,omitempty"`
	LastErrorAt   time.Time `json:"last_error_at,omitzero"`
	Accepted      uint64    `json:"readings_accepted"`
	Refused       uint64    `json:"readings_refused"`
	Dropped       uint64    `json:"readings_dropped"`
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
	Machines        []Machine                   `json:"-"`
	Selected        int                         `json:"-"` // sensors, shown or not
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
	Sensors  Sensors                     `json:"-"`
}

// Sensors are the sensors of a machine. At describes one when it is shown: the descriptions of all would take much more memory
// than what is known of them, which stays that of Status.At.
type Sensors struct {
	Len int
	At  func(i int) Sensor
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
	Value       *float64            `json:"value"`            // the newest reading, stale or not; null if it is no number
	State       string              `json:"state,omitempty"`  // the newest reading as a text, if it is a state
	Min         *float64            `json:"min,omitempty"`    // with extremes in its rule, while the value is exposed
	Max         *float64            `json:"max,omitempty"`    // as Min
	Timestamp   time.Time           `json:"timestamp,omitzero"`
	Age         *float64            `json:"age_seconds"`
	Interval    float64             `json:"reporting_interval_seconds,omitempty"`
	LastSuccess time.Time           `json:"last_success,omitzero"`
	LastPoll    time.Time           `json:"last_poll,omitzero"` // with success or without
	NextPoll    time.Time           `json:"next_poll,omitzero"` // an estimate
	WaitsFor    poller.WaitsFor     `json:"next_poll_waits_for,omitempty"`
	Ahead       int                 `json:"next_poll_sensors_ahead"`
	MaxAge      poller.MaxAgeStatus `json:"max_age,omitempty"`
	Missed      string              `json:"missed_readings,omitempty"` // how many, why, and the cure
	Recent      []reading.Point     `json:"recent,omitempty"`          // Unix seconds and number, oldest first
	Gaps        [][2]float64        `json:"gaps,omitempty"`            // the latest: from and to, in Unix seconds
}

// selected is the selected part of a view.
type selected struct {
	Selection
	*poller.View
	machine, sensor bool // some machine, or sensor of such a machine, has the name that is selected
	discovering     bool // some account is in its first discovery
}

func (v *selected) account(index int) Account {
	a, known := v.View.Accounts[index], &v.Inventory.Accounts[index]
	s := Account{
		Name: a.Name, Failure: a.Failure, FailingSince: a.FailingSince.UTC(), LastError: a.LastError, LastErrorAt: a.LastErrorAt.UTC(),
		PausedUntil: a.PausedUntil.UTC(), PauseReason: a.PauseReason, RequestsPerHour: a.RequestsPerHour, Configured: a.Configured,
		Lowered: poller.LoweredText[a.Lowered], Burst: a.Burst, Remaining: a.Remaining, ForPolls: a.ForPolls, Demand: a.Demand,
		Cycle: a.Cycle.Seconds(), Sensors: map[poller.SensorStatus]int{}, MaxAge: map[poller.MaxAgeStatus]int{}, RelaxedBy: a.RelaxedBy,
		Health: health(a, v.At), Plan: plan(a), Remarks: remarks(a),
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
	var next []poller.Upcoming
	if !v.Summary {
		next = v.Upcoming(index)
	}
	for _, m := range known.Machines {
		v.addMachine(&s, a, m, next)
		next = next[min(len(m.Sensors), len(next)):]
	}
	return s
}

// addMachine counts the sensors of a machine of an account, and adds what is selected of it.
func (v *selected) addMachine(to *Account, a *poller.AccountView, m *inventory.Machine, next []poller.Upcoming) {
	hit := named(v.Selection.Machine, m.Label, m.ID, m.Name)
	found, byStatus, rows := hit && v.Selection.Sensor == "", map[poller.SensorStatus]int{}, []row(nil)
	if found && v.Selection.Status == "" && !v.Summary {
		rows = make([]row, 0, len(m.Sensors))
	}
	for i, one := range m.Sensors {
		o := v.View.Sensor(one)
		byStatus[o.Status]++
		to.Sensors[o.Status]++
		if o.MaxAge != "" {
			to.MaxAge[o.MaxAge]++
		}
		if hit && named(v.Selection.Sensor, one.Label, one.ID, one.Name) {
			if found = true; v.Selection.Status != "" && v.Selection.Status != o.Status {
				continue
			}
			if to.Selected++; !v.Summary {
				rows = append(rows, row{one, o, next[i]})
			}
		}
	}
	v.machine, v.sensor = v.machine || hit, v.sensor || found
	if v.Summary || len(rows) == 0 && (!found || v.Selection.Status != "") {
		return
	}
	one := Machine{
		Machine: m.Label, ID: innius.Printable(m.ID), Name: m.Name, Note: note(m, a), ByStatus: byStatus,
		Sensors: Sensors{len(rows), func(i int) Sensor { return rows[i].describe(v) }},
	}
	one.Status, one.Since = v.View.Machine(m, poller.Judgement{})
	one.Since = one.Since.UTC()
	to.Machines = append(to.Machines, one)
}

// unix returns a time in Unix seconds, to a millisecond.
func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }

// row is what is known of a sensor.
type row struct {
	*inventory.Sensor
	view poller.SensorView
	next poller.Upcoming
}

func (r *row) describe(v *selected) Sensor {
	one, o, next := r.Sensor, &r.view, &r.next
	s := Sensor{
		Sensor: one.Label, ID: innius.Printable(one.ID), Name: one.Name, Unit: one.Unit, Status: o.Status, Exposed: o.Exposed,
		Reason: reason(v.View, one, o, next), Timestamp: o.Time.UTC(), Interval: o.Interval,
		LastSuccess: o.LastSuccess.UTC(), LastPoll: schedule.Later(o.LastSuccess, o.LastFailure).UTC(),
		NextPoll: next.At.UTC(), WaitsFor: next.WaitsFor, Ahead: next.Ahead, MaxAge: o.MaxAge,
	}
	if one.Polled() {
		s.Missed = missedReadings(v.View.Accounts[one.Machine.Account], o)
	}
	if v.Recent {
		s.Recent = o.Recent.Points()
		for _, gap := range o.Missed.All() {
			s.Gaps = append(s.Gaps, [2]float64{unix(gap.From), unix(gap.To)})
		}
	}
	if !o.Time.IsZero() {
		s.Age = new(one.Machine.APITime(v.At).Sub(o.Time).Seconds())
		if !math.IsNaN(o.Value) {
			s.Value = &o.Value
		}
		if o.States.Now(one.Rule.States) != "" {
			s.State = cmp.Or(o.States.Newest, reading.OtherState)
		}
	}
	if s.Value != nil && o.Exposed && one.Rule.Extremes {
		lowest, highest := v.MinMax(one, o.Record)
		s.Min, s.Max = &lowest, &highest
	}
	return s
}
