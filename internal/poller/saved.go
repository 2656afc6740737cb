package poller

import (
	"slices"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/inventory"
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
	RateLimit    []byte        // what was learned of the rate limit; nil: nothing
	ClockAhead   time.Duration // of the API's clock before ours; 0: none, or not known
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

// Save returns the current state. It reads what the loops have published and blocks neither them nor a scrape. Each part is
// consistent, but the parts may be some milliseconds apart.
func (p *Poller) Save() State {
	s := State{At: time.Now().UTC(), Accounts: make([]SavedAccount, len(p.accounts))}
	accounts := p.inventory.Snapshot().Accounts
	for i, a := range p.accounts {
		s.Accounts[i] = a.save(&accounts[i], p.machines)
	}
	return s
}

func (a *account) save(known *inventory.Account, statuses *machineStatuses) SavedAccount {
	h := a.health.Load()
	s := SavedAccount{
		Name: a.Name, Origin: a.Origin, ListedAt: known.ListedAt.UTC(), Discovered: h.Settled, Limit: h.breaker.limit(),
		ClockAhead: a.ahead(),
		Machines:   make([]SavedMachine, len(known.Machines)),
	}
	for i, m := range known.Machines {
		s.Machines[i] = SavedMachine{Machine: m.Machine, ListedAt: m.ListedAt.UTC(), Sensors: m.Save()}
		s.Machines[i].Status, s.Machines[i].Since = statuses.get(m.Key())
	}
	if saved := a.savedLimiter.Load(); saved != nil {
		s.RateLimit = *saved
	}
	if known.Company != nil {
		s.Company = *known.Company
	}
	s.Pacer = a.Pacer.State(time.Now()) // last, so that it includes the requests of the readings above
	s.Pacer.At, s.Pacer.Until = s.Pacer.At.UTC(), s.Pacer.Until.UTC()
	return s
}

// restore restores the accounts that are still configured, before any loop runs.
func (p *Poller) restore(saved *State, now time.Time) {
	saved = saved.correctClock(now)
	restored := map[*account]*SavedAccount{}
	for i := range saved.Accounts {
		s := &saved.Accounts[i]
		for _, a := range p.accounts {
			switch company := a.Account.Company.ID; {
			case !s.Of(a.Account):
			case company != "" && s.Company.ID != "" && company != s.Company.ID:
				a.logDiscarded(s.Company.ID, company)
			default:
				restored[a] = s
			}
		}
	}
	for a, s := range restored {
		for _, m := range s.Machines {
			p.inventory.Restore(a.index, s.Company.ID, m.Machine, m.Sensors, m.ListedAt)
		}
		p.machines.restore(s)
	}
	for _, a := range p.accounts { // in the order of the config: the first account with a machine polls it
		if s := restored[a]; s != nil {
			a.restore(s, saved.At, now)
		}
	}
	for a, s := range restored { // when the inventory is complete
		a.applyInventoryChanges()
		a.draft.Settled = s.Discovered && s.Company.ID != ""
		a.draft.discovered = a.draft.Settled || s.hasReadings()
		a.publishIdle(now)
	}
}

// restore restores an account. What was learned of the rate limit comes first, because the pacer refills at that rate.
func (a *account) restore(s *SavedAccount, savedAt, now time.Time) {
	a.restoreLimiter(s.RateLimit, now)
	a.Pacer.Restore(s.Pacer, now)
	a.breaker.restoreLimit(s.Limit, savedAt, now)
	if s.ClockAhead != 0 {
		a.Client.AssumeClockDifference(s.ClockAhead)
	}
	if s.Company.ID == "" {
		return
	}
	if a.Account.Company.ID == "" {
		a.identity = identity{company: s.Company, unconfirmed: true}
	}
	machines := make([]innius.Machine, len(s.Machines))
	for i := range s.Machines {
		machines[i] = s.Machines[i].Machine
	}
	a.inventory.SetMachines(a.index, a.identity.company, machines, s.ListedAt)
	a.discovery.restore(s, a.inventory.Selected(machines))
}

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
