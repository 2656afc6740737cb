package poller

import (
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/inventory"
)

// Status is all that a person may want to know, at one moment. It holds no secret: every text in it that came from
// the API was scrubbed by the client.
type Status struct {
	At        time.Time       `json:"at"`
	Unmatched []string        `json:"unmatched,omitempty"` // filters and rules that match nothing of what is known
	Accounts  []AccountReport `json:"accounts"`
}

// AccountReport says how an account does. Moments that are unknown are null.
type AccountReport struct {
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
	Sensors           map[SensorStatus]int `json:"sensors"`
	MaxAge            map[MaxAgeStatus]int `json:"max_age,omitempty"`               // sensors with max_age
	Stretched         *float64             `json:"promises_stretched_by,omitempty"` // factor by which all are; null: they are not
	Remarks           []string             `json:"remarks,omitempty"`               // on values, the clocks and the key file, with the cure
	ClockDifference   *float64             `json:"api_clock_difference_seconds"`    // how far the API's clock is ahead; null: not known
	Machines          []MachineReport      `json:"machines"`
}

// DiscoveryStatus says how far the reading of lists has come: the company, the machines, and the sensors of each machine.
type DiscoveryStatus struct {
	Ended bool   `json:"first_ended"`    // the first one has, well or badly
	Lists int    `json:"lists"`          // known to be there
	Asked int    `json:"lists_answered"` // read or failed at least once
	Words string `json:"words"`
}

// MachineReport is one machine with its sensors.
type MachineReport struct {
	Machine string               `json:"machine"` // as on the label
	ID      string               `json:"machine_id"`
	Name    string               `json:"machine_name"`   // as innius gives it
	Note    string               `json:"note,omitempty"` // why it has no sensors here
	Status  MachineStatus        `json:"status"`
	Since   time.Time            `json:"status_since"`
	Counts  map[SensorStatus]int `json:"sensors_by_status"`
	Sensors []SensorReport       `json:"sensors"`
}

// SensorReport is one sensor.
type SensorReport struct {
	Sensor      string       `json:"sensor"` // as on the label
	ID          string       `json:"sensor_id"`
	Name        string       `json:"sensor_name"` // as innius gives it
	Unit        string       `json:"unit"`
	Status      SensorStatus `json:"status"`
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
	MaxAge      MaxAgeStatus `json:"max_age,omitempty"`                // of max_age
	Recent      [][2]float64 `json:"recent,omitempty"`                 // Unix seconds and number, oldest first, with the newest
}

// Status describes everything at this moment.
func (p *Poller) Status() Status {
	now, v := time.Now(), p.inventory.Snapshot().Accounts
	status, verdict := Status{At: now.UTC(), Unmatched: p.unmatched()}, p.Verdict(now)
	for i, a := range p.accounts {
		account := a.status(now)
		if company := v[i].Company; company != nil {
			account.Company, account.CompanyID = p.opts.Labels.Label(company.ID, company.Name), innius.Printable(company.ID)
		}
		next := a.foresee(v[i].Machines, now)
		account.Machines = make([]MachineReport, len(v[i].Machines))
		for j, m := range v[i].Machines {
			n := len(m.Sensors)
			account.Machines[j] = verdict.machine(m, a.health.Load(), next[:n])
			account.count(&account.Machines[j])
			next = next[n:]
		}
		status.Accounts = append(status.Accounts, account)
	}
	return status
}

// count counts the sensors of a machine by status.
func (s *AccountReport) count(m *MachineReport) {
	for i := range m.Sensors {
		m.Counts[m.Sensors[i].Status]++
		s.Sensors[m.Sensors[i].Status]++
		if status := m.Sensors[i].MaxAge; status != "" {
			s.MaxAge[status]++
		}
	}
}

func (v *Verdict) machine(m *inventory.Machine, h *health, next []upcoming) MachineReport {
	status := MachineReport{
		Machine: m.Label, ID: innius.Printable(m.ID), Name: m.Name, Note: machineNote(m, h),
		Counts: map[SensorStatus]int{}, Sensors: make([]SensorReport, len(m.Sensors)),
	}
	status.Status, status.Since = v.Machine(m)
	for i, s := range m.Sensors {
		status.Sensors[i] = v.sensor(s, &look{now: v.now, machine: m, staleAfter: v.StaleAfter(s), silentAfter: v.poller.opts.silentAfter(s), next: next[i]})
	}
	return status
}

func (v *Verdict) sensor(s *inventory.Sensor, l *look) SensorReport {
	o, next := s.Entry.Load(), &l.next
	status := SensorReport{
		Sensor: s.Label, ID: innius.Printable(s.ID), Name: s.Name, Unit: s.Unit,
		Status: v.Sensor(s), Exposed: s.Polled() && o.Exposed(l.staleAfter, l.theirs()), MaxAge: v.MaxAge(s),
		Timestamp: moment(o.Time), LastSuccess: moment(o.LastSuccess), LastRequest: moment(later(o.LastSuccess, o.LastFailure)),
		NextRequest: moment(next.at), WaitsFor: next.waits, Ahead: next.ahead, Recent: o.Recent,
	}
	status.Why = whySensor(s, o, l, status.Status)
	if !o.Time.IsZero() {
		age := l.theirs().Sub(o.Time).Seconds()
		status.Value, status.Age = &o.Value, &age
	}
	if interval := s.Entry.Load().Interval.Seconds; interval > 0 {
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
