package poller

import (
	"time"

	"innius_exporter/innius"
)

// Status is all that a person may want to know, at one moment. It holds no secret: every text in it that came from
// the API was scrubbed by the client.
type Status struct {
	At        time.Time       `json:"at"`
	Unmatched []string        `json:"unmatched,omitempty"` // filters and rules that match nothing of what is known
	Accounts  []AccountStatus `json:"accounts"`
}

// AccountStatus says how an account does. Moments that are unknown are null.
type AccountStatus struct {
	Name              string               `json:"name"`
	Company           string               `json:"company"`
	CompanyID         string               `json:"company_id"`
	Up                *bool                `json:"up"` // null before the first answer
	Health            string               `json:"health"`
	Failure           string               `json:"failure,omitempty"`
	FailingSince      *time.Time           `json:"failing_since,omitempty"`
	LastError         string               `json:"last_error,omitempty"`
	LastErrorAt       *time.Time           `json:"last_error_at,omitempty"`
	PausedUntil       *time.Time           `json:"paused_until,omitempty"`
	PauseReason       string               `json:"pause_reason,omitempty"`
	RequestsPerHour   float64              `json:"allowance_requests_per_hour"`
	Configured        float64              `json:"allowance_configured_requests_per_hour"`
	Lowered           string               `json:"allowance_lowered,omitempty"` // why fewer are sent than configured, in words
	Burst             int                  `json:"allowance_burst_requests"`    // that may be sent at once after a rest
	RequestsRemaining float64              `json:"allowance_remaining_requests"`
	ForReadings       float64              `json:"allowance_for_readings_requests_per_hour"` // what discovery leaves
	Cycle             float64              `json:"cycle_seconds"`                            // to ask each sensor once
	Plan              string               `json:"plan"`                                     // what the allowance buys, in words
	Verified          *time.Time           `json:"discovery_last_success"`
	Discovery         DiscoveryStatus      `json:"discovery"`
	Demand            float64              `json:"demand_requests_per_hour"`
	Sensors           map[State]int        `json:"sensors"`
	Promises          map[MaxAgeStatus]int `json:"promises,omitempty"`              // sensors with max_age
	Stretched         *float64             `json:"promises_stretched_by,omitempty"` // factor by which all are; null: they are not
	Remarks           []string             `json:"remarks,omitempty"`               // on values, the clocks and the key file, with the cure
	ClockDifference   *float64             `json:"api_clock_difference_seconds"`    // how far the API's clock is ahead; null: not known
	Machines          []MachineStatus      `json:"machines"`
}

// DiscoveryStatus says how far the reading of lists has come: the company, the machines, and the sensors of each machine.
type DiscoveryStatus struct {
	Ended bool   `json:"first_ended"`    // the first one has, well or badly
	Lists int    `json:"lists"`          // known to be there
	Asked int    `json:"lists_answered"` // read or failed at least once
	Words string `json:"words"`
}

// MachineStatus is one machine with its sensors.
type MachineStatus struct {
	Machine string         `json:"machine"` // as on the label
	ID      string         `json:"machine_id"`
	Name    string         `json:"machine_name"`   // as innius gives it
	Note    string         `json:"note,omitempty"` // why it has no sensors here
	States  map[State]int  `json:"states"`
	Sensors []SensorStatus `json:"sensors"`
}

// SensorStatus is one sensor.
type SensorStatus struct {
	Sensor      string       `json:"sensor"` // as on the label
	ID          string       `json:"sensor_id"`
	Name        string       `json:"sensor_name"` // as innius gives it
	Unit        string       `json:"unit"`
	State       State        `json:"state"`
	Exposed     bool         `json:"on_metrics"`    // its value is
	Why         string       `json:"why,omitempty"` // why its value is not on /metrics, or what is wrong
	Value       *float64     `json:"value"`         // the newest number held, stale or not
	Timestamp   *time.Time   `json:"timestamp"`     // when that was measured
	Age         *float64     `json:"age_seconds"`
	Interval    *float64     `json:"expected_interval_seconds"` // the pace learned
	LastSuccess *time.Time   `json:"last_success"`
	LastRequest *time.Time   `json:"last_request"`                     // answered, or failed through its own fault
	NextRequest *time.Time   `json:"next_request"`                     // when it will be asked, an estimate
	WaitsFor    WaitsFor     `json:"next_request_waits_for,omitempty"` // why not now
	Ahead       int          `json:"next_request_sensors_ahead"`       // that will be asked before
	Promise     MaxAgeStatus `json:"promise,omitempty"`                // of max_age
	Recent      [][2]float64 `json:"recent,omitempty"`                 // Unix seconds and number, oldest first, with the newest
}

// Status describes everything at this moment.
func (p *Poller) Status() Status {
	now, v := time.Now(), p.catalogue.view.Load()
	status := Status{At: now.UTC(), Unmatched: p.unmatched()}
	for i, a := range p.accounts {
		account := a.status(now)
		if company := v.companies[i]; company != nil {
			account.Company, account.CompanyID = p.opts.Labels.text(company.ID, company.Name), innius.Printable(company.ID)
		}
		next := a.foresee(v.machines[i], now)
		account.Machines = make([]MachineStatus, len(v.machines[i]))
		for j, m := range v.machines[i] {
			n := len(m.sensors)
			account.Machines[j] = p.machineStatus(a, m, next[:n], now)
			account.count(&account.Machines[j])
			next = next[n:]
		}
		status.Accounts = append(status.Accounts, account)
	}
	return status
}

// count counts the states and promises of a machine's sensors.
func (s *AccountStatus) count(m *MachineStatus) {
	for i := range m.Sensors {
		m.States[m.Sensors[i].State]++
		s.Sensors[m.Sensors[i].State]++
		if promise := m.Sensors[i].Promise; promise != "" {
			s.Promises[promise]++
		}
	}
}

func (p *Poller) machineStatus(a *account, m *machine, next []upcoming, now time.Time) MachineStatus {
	status := MachineStatus{
		Machine: m.label, ID: innius.Printable(m.ID), Name: m.Name, Note: m.note(a.health.Load()),
		States: map[State]int{}, Sensors: make([]SensorStatus, len(m.sensors)),
	}
	h, cycle := a.health.Load(), a.cycle()
	for i, s := range m.sensors {
		status.Sensors[i] = s.status(&look{now: now, machine: m, staleAfter: p.staleAfter(s, cycle), next: next[i]})
		if s.polled() {
			status.Sensors[i].Promise = s.maxAgeStatus(s.entry.Load(), h.relaxed > 1, now)
		}
	}
	return status
}

func (s *sensor) status(l *look) SensorStatus {
	o, next := s.entry.Load(), &l.next
	status := SensorStatus{
		Sensor: s.label, ID: innius.Printable(s.ID), Name: s.Name, Unit: s.Unit,
		State: s.state(o, l.staleAfter, l.now), Exposed: s.polled() && o.Exposed(l.staleAfter, l.theirs()), Why: s.why(o, l),
		Timestamp: moment(o.Time), LastSuccess: moment(o.LastSuccess), LastRequest: moment(later(o.LastSuccess, o.LastFailure)),
		NextRequest: moment(next.at), WaitsFor: next.waits, Ahead: next.ahead, Recent: o.Recent,
	}
	if !o.Time.IsZero() {
		age := l.theirs().Sub(o.Time).Seconds()
		status.Value, status.Age = &o.Value, &age
	}
	if interval := s.entry.Load().Interval.Seconds; interval > 0 {
		status.Interval = &interval
	}
	return status
}

// moment returns a moment for an encoder; nil where it is unknown.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
