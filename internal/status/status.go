// Package status describes what the exporter knows, for people: the data of the status page and of its JSON, and the sentences
// that explain what is wrong and what to do.
package status

import (
	"cmp"
	"math"
	"slices"
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
	At        time.Time                   `json:"at"`
	Exporter  Exporter                    `json:"exporter"`            // set by the web server
	Unmatched []string                    `json:"unmatched,omitempty"` // filters and rules that match nothing
	Receivers []Receiver                  `json:"remote_write,omitempty"`
	Accounts  []Account                   `json:"-"` // see WriteJSON, as for Machines and Sensors
	Several   bool                        `json:"-"` // there are several accounts, selected or not
	Summary   bool                        `json:"-"` // not all accounts have their machines: they would be too many
	Selected  int                         `json:"-"` // sensors, as in Account
	ByStatus  map[poller.SensorStatus]int `json:"-"` // sensors that are selected but for their status
	Flat      Sensors                     `json:"-"` // with Selection.Flat, the first of the selected sensors
}

// Exporter is what is known of the process. It contains no secret.
type Exporter struct {
	Version      string    `json:"version"`
	Started      time.Time `json:"started,omitzero"`
	ConfigFile   string    `json:"config_file,omitempty"`
	ConfigLoaded time.Time `json:"config_loaded,omitzero"` // the one in force
	ReloadError  string    `json:"reload_error,omitempty"` // of the latest reload; empty: it succeeded
	ReloadFailed time.Time `json:"reload_failed,omitzero"`
	SavesState   bool      `json:"saves_state"`
	StateSaved   time.Time `json:"state_saved,omitzero"`
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
	Name            string                       `json:"name"`
	Company         string                       `json:"company"`
	CompanyID       string                       `json:"company_id"`
	Up              *bool                        `json:"up"` // null before the first response
	Health          string                       `json:"health"`
	Failure         string                       `json:"failure,omitempty"`
	FailingSince    time.Time                    `json:"failing_since,omitzero"`
	LastError       string                       `json:"last_error,omitempty"`
	LastErrorAt     time.Time                    `json:"last_error_at,omitzero"`
	PausedUntil     time.Time                    `json:"paused_until,omitzero"`
	PauseReason     string                       `json:"pause_reason,omitempty"`
	RequestsPerHour float64                      `json:"rate_limit_requests_per_hour"`
	Configured      float64                      `json:"rate_limit_configured_requests_per_hour"`
	Lowered         string                       `json:"rate_limit_lowered,omitempty"` // why it is lower than configured
	Burst           int                          `json:"rate_limit_burst_requests"`
	Remaining       float64                      `json:"remaining_requests"`
	ForPolls        float64                      `json:"polls_requests_per_hour"` // what discovery leaves
	Demand          float64                      `json:"demand_requests_per_hour"`
	Cycle           float64                      `json:"cycle_seconds,omitempty"` // absent during the first discovery, as Plan
	Plan            string                       `json:"plan,omitempty"`          // what the rate limit buys
	Ages            *Ages                        `json:"ages,omitempty"`
	Discovery       Discovery                    `json:"discovery"`
	ByStatus        map[poller.MachineStatus]int `json:"machines_by_status"` // machines with a sensor to poll
	Sensors         map[poller.SensorStatus]int  `json:"sensors_by_status"`
	MaxAge          map[poller.MaxAgeStatus]int  `json:"max_age,omitempty"`
	RelaxedBy       float64                      `json:"max_age_relaxed_by,omitempty"`           // factor
	ClockDifference *float64                     `json:"api_clock_difference_seconds,omitempty"` // API clock before ours
	Remarks         []string                     `json:"remarks,omitempty"`                      // with the cure
	Machines        []Machine                    `json:"-"`
	Selected        int                          `json:"-"` // sensors, shown or not
}

// Ages are how old the values on /metrics are, in seconds.
type Ages struct {
	Median  float64 `json:"median_seconds"`
	Most95  float64 `json:"p95_seconds"`
	Oldest  float64 `json:"oldest_seconds"`
	Machine string  `json:"oldest_machine"`
	Sensor  string  `json:"oldest_sensor"`
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
	Ages     *Ages                       `json:"ages,omitempty"`
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
	Machine     string              `json:"-"`      // the label
	Sensor      string              `json:"sensor"` // the label
	ID          string              `json:"sensor_id"`
	Name        string              `json:"sensor_name"`
	Unit        string              `json:"unit"`
	Status      poller.SensorStatus `json:"status"`
	Exposed     bool                `json:"on_metrics"`
	Reason      string              `json:"reason,omitempty"` // why the status is not current, or the latest poll failed
	Value       *float64            `json:"value"`            // the newest reading, stale or not; null if it is no number
	State       string              `json:"state,omitempty"`  // the newest reading as a text, if it is a state
	Min         *float64            `json:"min,omitempty"`    // with extremes in its rule, while the value is exposed
	Max         *float64            `json:"max,omitempty"`    // as Min
	Timestamp   time.Time           `json:"timestamp,omitzero"`
	Age         *float64            `json:"age_seconds"`
	Interval    float64             `json:"reporting_interval_seconds,omitempty"`
	Gap         float64             `json:"planned_gap_seconds,omitempty"` // between two polls
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
	to              *Status
	brief           bool     // from this account on, they are without their machines
	words           []string // of Search, in lower case
	machine, sensor bool     // some machine, or sensor of such a machine, has the name that is selected
	discovering     bool     // some account is in its first discovery
	flat            []row
}

func (v *selected) account(index int) Account {
	a, known := v.View.Accounts[index], &v.Inventory.Accounts[index]
	s := Account{
		Name: a.Name, Failure: a.Failure, FailingSince: a.FailingSince.UTC(), LastError: a.LastError, LastErrorAt: a.LastErrorAt.UTC(),
		PausedUntil: a.PausedUntil.UTC(), PauseReason: a.PauseReason, RequestsPerHour: a.RequestsPerHour, Configured: a.Configured,
		Lowered: poller.LoweredText[a.Lowered], Burst: a.Burst, Remaining: a.Remaining, ForPolls: a.ForPolls, Demand: a.Demand,
		ByStatus: map[poller.MachineStatus]int{}, Sensors: map[poller.SensorStatus]int{}, MaxAge: map[poller.MaxAgeStatus]int{},
		RelaxedBy: a.RelaxedBy, Health: health(a, v.At), Remarks: remarks(a),
		Discovery: Discovery{a.Settled, a.Lists, a.ListsRead, a.Verified.UTC(), discovery(a, v.At)},
	}
	if a.Responded {
		s.Up = &a.Up
	}
	if a.Settled {
		s.Cycle, s.Plan = a.Cycle.Seconds(), plan(a)
	}
	if a.ClockKnown {
		s.ClockDifference = new(a.ClockDifference.Seconds())
	}
	if company := known.Company; company != nil {
		s.Company, s.CompanyID = v.Labels.Label(company.ID, company.Name), innius.Printable(company.ID)
	}
	var next []poller.Upcoming
	if !v.brief {
		next = v.Upcoming(index)
	}
	ages := make([]aged, 0, a.Sensors)
	for _, m := range known.Machines {
		ages = v.addMachine(&s, a, m, next, ages)
		next = next[min(len(m.Sensors), len(next)):]
	}
	s.Ages = summarize(ages)
	return s
}

// addMachine counts the sensors of a machine of an account, adds what is selected of it, and appends the ages of its values.
func (v *selected) addMachine(
	to *Account, a *poller.AccountView, m *inventory.Machine, next []poller.Upcoming, ages []aged,
) []aged {
	words := without(v.words, to.Name, to.Company, m.Label, m.ID, m.Name)
	hit := named(v.Selection.Machine, m.Label, m.ID, m.Name)
	found, byStatus, rows := hit && v.Selection.Sensor == "" && len(words) == 0, map[poller.SensorStatus]int{}, []row(nil)
	if found && v.Selection.Status == "" && !v.brief {
		rows = make([]row, 0, len(m.Sensors))
	}
	var j poller.Judgement
	first := len(ages)
	for i, one := range m.Sensors {
		o := v.View.Sensor(one)
		if byStatus[o.Status]++; one.Polled() {
			j.Add(v.View, one, &o)
		}
		if to.Sensors[o.Status]++; o.MaxAge != "" {
			to.MaxAge[o.MaxAge]++
		}
		if o.Exposed {
			ages = append(ages, aged{v.APITime(m).Sub(o.Time), one})
		}
		if hit && named(v.Selection.Sensor, one.Label, one.ID, one.Name) && len(without(words, one.Label, one.ID, one.Name)) == 0 {
			v.to.ByStatus[o.Status]++
			if found = true; v.Selection.Status != "" && v.Selection.Status != o.Status {
				continue
			}
			if to.Selected++; !v.brief {
				rows = append(rows, row{one, o, next[i], 0})
			}
		}
	}
	status, since := v.View.Machine(m, j)
	if len(m.AllPolled) > 0 {
		to.ByStatus[status]++
	}
	v.machine, v.sensor = v.machine || hit, v.sensor || found
	if v.brief || len(rows) == 0 && (!found || v.Selection.Status != "") {
		return ages
	}
	if v.Selection.Flat {
		v.flat = append(v.flat, rows...)
	} else {
		v.sort(rows)
	}
	to.Machines = append(to.Machines, Machine{
		Machine: m.Label, ID: innius.Printable(m.ID), Name: m.Name, Status: status, Since: since.UTC(), Note: note(m, a),
		ByStatus: byStatus, Ages: summarize(slices.Clone(ages[first:])), Sensors: v.describe(rows),
	})
	return ages
}

// describe returns rows as they are to be shown.
func (v *selected) describe(rows []row) Sensors {
	return Sensors{len(rows), func(i int) Sensor { return rows[i].describe(v) }}
}

// aged is the age of a value.
type aged struct {
	age time.Duration
	of  *inventory.Sensor
}

// summarize sorts some ages and returns what is shown of them; nil if there are none.
func summarize(ages []aged) *Ages {
	if len(ages) == 0 {
		return nil
	}
	slices.SortFunc(ages, func(a, b aged) int { return cmp.Compare(a.age, b.age) })
	at := func(part float64) float64 { return ages[int(part*float64(len(ages)-1)+0.5)].age.Seconds() }
	oldest := ages[len(ages)-1].of
	return &Ages{Median: at(0.5), Most95: at(0.95), Oldest: at(1), Machine: oldest.Machine.Label, Sensor: oldest.Label}
}

// unix returns a time in Unix seconds, to a millisecond.
func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }

// row is what is known of a sensor.
type row struct {
	*inventory.Sensor
	view poller.SensorView
	next poller.Upcoming
	key  float64 // to sort by
}

func (r *row) describe(v *selected) Sensor {
	one, o, next := r.Sensor, &r.view, &r.next
	s := Sensor{
		Machine: one.Machine.Label, Sensor: one.Label, ID: innius.Printable(one.ID), Name: one.Name, Unit: one.Unit,
		Status: o.Status, Exposed: o.Exposed, Reason: reason(v.View, one, o, next), Timestamp: o.Time.UTC(), Interval: o.Interval,
		Gap:         o.PlannedGap.Seconds(),
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
		s.Age = new(v.APITime(one.Machine).Sub(o.Time).Seconds())
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
