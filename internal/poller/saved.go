package poller

import (
	"slices"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/ratelimit"
)

// State is what survives a restart, as plain values. It shares nothing mutable with the Poller and holds no key: the client
// redacts every text from the API.
type State struct {
	At       time.Time
	Accounts []SavedAccount
}

// SavedAccount is the state of one account.
type SavedAccount struct {
	Name, Origin string         // identify the account; see Of
	Company      innius.Company // without an id if it is not known yet
	Discovered   bool           // the first discovery has ended
	ListedAt     time.Time      // when the list of machines was read; zero: never
	Machines     []SavedMachine
	Pacer        innius.PacerState
	Limit        SavedLimit
	Learned      *ratelimit.Saved // of the rate limit; nil: nothing
	ClockAhead   time.Duration    // of the API's clock before ours; 0: none, or not known
}

// SavedMachine is the state of one machine.
type SavedMachine struct {
	innius.Machine
	ListedAt time.Time // when its sensors were listed; zero: never
	Status   MachineStatus
	Since    time.Time // of Status
	Sensors  []SavedSensor
}

// SavedSensor is the state of one sensor.
type SavedSensor = inventory.SavedSensor

// Of reports whether this is the state of an account: they have the same name and the same API. The config or the first response
// shows whether they have the same company.
func (s *SavedAccount) Of(a Account) bool { return s.Name == a.Name && s.Origin == a.Origin }

func (s *SavedAccount) hasReadings() bool {
	return slices.ContainsFunc(s.Machines, func(m SavedMachine) bool {
		return slices.ContainsFunc(m.Sensors, func(s SavedSensor) bool { return !s.Time.IsZero() })
	})
}

// correctClock returns a copy of the state for a clock that was set back since: times of the local clock are moved back as
// much, and are not later than now. Otherwise lists and sensors would not be requested until then. Source times stay as they
// are. Pacer, limit and learner correct their own times.
func (s *State) correctClock(now time.Time) *State {
	back := max(0, s.At.Sub(now))
	corrected := &State{At: s.At, Accounts: slices.Clone(s.Accounts)}
	for i := range corrected.Accounts {
		corrected.Accounts[i].changeTimes(func(t *time.Time) {
			if !t.IsZero() {
				*t = t.Add(-back)
			}
			if t.After(now) {
				*t = now
			}
		})
	}
	return corrected
}

// changeTimes changes the times of the local clock, in copies of machines and sensors.
func (s *SavedAccount) changeTimes(change func(*time.Time)) {
	change(&s.ListedAt)
	change(&s.Limit.Since)
	s.Machines = slices.Clone(s.Machines)
	for i := range s.Machines {
		m := &s.Machines[i]
		change(&m.ListedAt)
		change(&m.Since)
		m.Sensors = slices.Clone(m.Sensors)
		for j := range m.Sensors {
			one := &m.Sensors[j]
			gap := one.Planned.Sub(one.LastSuccess)
			if change(&one.LastSuccess); !one.Planned.IsZero() {
				one.Planned = one.LastSuccess.Add(gap)
			}
			if one.Rare != nil {
				one.Rare = new(*one.Rare)
				change(&one.FailingSince)
				change(&one.LastFailure)
			}
		}
	}
}
