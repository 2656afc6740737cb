package collector

import (
	"time"

	"innius_exporter/innius"
)

// Status is all that a person may want to know, at one moment. It holds no secret: every text in it that came from
// the API was scrubbed by the client.
type Status struct {
	At       time.Time       `json:"at"`
	Accounts []AccountStatus `json:"accounts"`
}

// AccountStatus says how an account does. Moments that are unknown are null.
type AccountStatus struct {
	Name              string          `json:"name"`
	Company           string          `json:"company"`
	CompanyID         string          `json:"company_id"`
	Up                *bool           `json:"up"` // null before the first answer
	Failure           string          `json:"failure,omitempty"`
	LastError         string          `json:"last_error,omitempty"`
	LastErrorAt       *time.Time      `json:"last_error_at,omitempty"`
	PausedUntil       *time.Time      `json:"paused_until,omitempty"`
	PauseReason       string          `json:"pause_reason,omitempty"`
	RequestsPerHour   float64         `json:"allowance_requests_per_hour"`
	Configured        float64         `json:"allowance_configured_requests_per_hour"`
	Lowered           string          `json:"allowance_lowered,omitempty"` // why fewer are sent than configured, in words
	Burst             int             `json:"allowance_burst_requests"`    // that may be sent at once after a rest
	RequestsRemaining float64         `json:"allowance_remaining_requests"`
	Cycle             float64         `json:"cycle_seconds"` // to ask each sensor once
	Verified          *time.Time      `json:"discovery_last_success"`
	Demand            float64         `json:"demand_requests_per_hour"`
	Sensors           map[State]int   `json:"sensors"`
	Promises          map[Promise]int `json:"promises,omitempty"`              // sensors with max_age
	Stretched         *float64        `json:"promises_stretched_by,omitempty"` // factor by which all are; null: they are not
	Machines          []MachineStatus `json:"machines"`
}

// MachineStatus is one machine with its sensors.
type MachineStatus struct {
	Machine string         `json:"machine"` // as on the label
	ID      string         `json:"machine_id"`
	Note    string         `json:"note,omitempty"` // why it has no sensors here
	Sensors []SensorStatus `json:"sensors"`
}

// SensorStatus is one sensor.
type SensorStatus struct {
	Sensor      string     `json:"sensor"` // as on the label
	ID          string     `json:"sensor_id"`
	Unit        string     `json:"unit"`
	State       State      `json:"state"`
	Why         string     `json:"why,omitempty"` // why its value is not on /metrics, or what is wrong
	Value       *float64   `json:"value"`         // the newest number held, stale or not
	Timestamp   *time.Time `json:"timestamp"`     // when that was measured
	Age         *float64   `json:"age_seconds"`
	LastSuccess *time.Time `json:"last_success"`
}

// Status describes everything at this moment.
func (p *Poller) Status() Status {
	now, v := time.Now(), p.catalogue.view.Load()
	status := Status{At: now.UTC()}
	for i, a := range p.accounts {
		account := a.status(now)
		if company := v.companies[i]; company != nil {
			account.Company, account.CompanyID = p.opts.Labels.text(company.ID, company.Name), company.ID
		}
		account.Machines = make([]MachineStatus, len(v.machines[i]))
		for j, m := range v.machines[i] {
			account.Machines[j] = p.machineStatus(a, m, now)
			for _, s := range account.Machines[j].Sensors {
				account.Sensors[s.State]++
			}
			account.count(m, now)
		}
		status.Accounts = append(status.Accounts, account)
	}
	return status
}

// count counts the promises of a machine's sensors.
func (s *AccountStatus) count(m *machine, now time.Time) {
	for _, sensor := range m.sensors {
		if state := sensor.promise(sensor.cell.Load(), s.Stretched != nil, now); state != "" && sensor.polled() {
			s.Promises[state]++
		}
	}
}

func (a *account) status(now time.Time) AccountStatus {
	h, perHour := a.health.Load(), a.Pacer.PerHour()
	s := AccountStatus{
		Name: a.Name, Failure: h.failure(now, perHour), LastError: h.lastError, LastErrorAt: moment(h.lastErrorAt),
		PausedUntil: moment(h.pausedUntil(now)), RequestsPerHour: perHour, RequestsRemaining: a.Pacer.Remaining(now),
		Burst:      a.Pacer.Burst(),
		Configured: a.allowance.configured.PerHour, Lowered: why[h.lowered],
		Cycle: a.cycle().Seconds(), Verified: moment(h.verified), Demand: h.demand, Sensors: map[State]int{}, Promises: map[Promise]int{},
	}
	if h.stretch > 1 {
		s.Stretched = &h.stretch
	}
	if s.PausedUntil != nil {
		s.PauseReason = string(h.paused)
	}
	if up, known := h.up(now, perHour); known {
		s.Up = &up
	}
	return s
}

func (p *Poller) machineStatus(a *account, m *machine, now time.Time) MachineStatus {
	status := MachineStatus{Machine: m.label, ID: m.ID, Sensors: make([]SensorStatus, len(m.sensors))}
	switch {
	case m.filtered != "":
		status.Note = "filtered: " + m.filtered
	case a.health.Load().lists[m.ID] != "":
		status.Note = "its sensors cannot be listed: " + a.health.Load().lists[m.ID]
	case m.listedAt.IsZero():
		status.Note = "its sensors have not been listed yet"
	}
	for i, s := range m.sensors {
		o, staleAfter := s.cell.Load(), p.staleAfter(s, a.cycle())
		status.Sensors[i] = SensorStatus{
			Sensor: s.label, ID: s.ID, Unit: s.Unit, State: s.state(o, staleAfter, now), Why: s.why(o, staleAfter, now),
			Timestamp: moment(o.at), LastSuccess: moment(o.answered),
		}
		if !o.at.IsZero() {
			age := now.Sub(o.at).Seconds()
			status.Sensors[i].Value, status.Sensors[i].Age = &o.value, &age
		}
	}
	return status
}

// why says in words why a sensor's value is not on /metrics, or what is wrong with it; empty where nothing is.
func (s *sensor) why(o *observation, staleAfter time.Duration, now time.Time) string {
	switch s.state(o, staleAfter, now) {
	case StateFiltered:
		if s.twinOf != "" {
			return "asked for by account " + s.twinOf
		}
		return "filtered: " + s.filtered
	case StateFailing:
		return o.failure
	case StateWaiting:
		return "waiting for allowance: not asked yet"
	case StateUnreadable:
		return unreadable(o.unusable)
	case StateLate:
		return "late: silent for more than three of its intervals of " + words(s.cell.expected())
	case StateStale:
		if o.at.IsZero() {
			return "never reported"
		}
		return "stale: older than " + staleAfter.Round(time.Second).String()
	}
	return ""
}

func unreadable(r innius.Reading) string {
	switch r.Skip {
	case innius.SkipTime:
		return "the time of its readings is not understood: \"" + r.Text + "\"; fields.time in the config chooses another field"
	case innius.SkipFuture:
		return "its newest reading is more than 5 min ahead of the API's clock: " + r.Time.UTC().Format(time.RFC3339)
	case innius.SkipText:
		return "its newest reading is the text \"" + r.Text + "\"; a rule under sensors: may map it to a number (values)"
	}
	return "its newest reading is no number: " + r.Text
}

// moment returns a moment for an encoder; nil where it is unknown.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// words says seconds as a duration.
func words(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}
