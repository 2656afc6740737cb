package poller

import (
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/inventory"
)

// Snapshot is all that should outlive a restart, as plain values: what exists, the newest reading of each sensor, what
// has been counted and learned, and the ledger of the allowance. It shares nothing that changes with the Poller and
// holds no key: every text in it that came from the API was scrubbed by the client.
type Snapshot struct {
	At       time.Time
	Accounts []KeptAccount
}

// KeptAccount is one account of a Snapshot.
type KeptAccount struct {
	Name, Origin string         // of which account it is; see Of
	Company      innius.Company // without an id where it is not known yet
	Discovered   bool           // one discovery has ended, well or badly
	ListedAt     time.Time      // when the list of machines was read; zero: never
	Machines     []SavedMachine
	Ledger       innius.PacerState
	Limit        SavedLimit
	Allowance    []byte        // what was learned of the true allowance, encoded by who learns it; nil: nothing
	ClockAhead   time.Duration // of the API's clock before ours; 0: none, or not known
}

// Of reports whether this is the state of an account: of the same name and the same API. Whether of the same company, the config
// or the first response shows.
func (k *KeptAccount) Of(a Account) bool { return k.Name == a.Name && k.Origin == a.Origin }

// SavedMachine is one machine as listed, with its sensors.
type SavedMachine struct {
	innius.Machine
	ListedAt time.Time // of its sensors; zero: never
	Status   MachineStatus
	Since    time.Time // of Status
	Sensors  []SavedSensor
}

// SavedSensor is one sensor as listed, and what is known of its readings.
type SavedSensor = inventory.SavedSensor

// Snapshot returns what is known now. It reads what the loops have published and keeps neither them nor a scrape
// waiting: each piece is whole, though the pieces may be some milliseconds apart.
func (p *Poller) Snapshot() Snapshot {
	v := p.inventory.Snapshot().Accounts
	s := Snapshot{At: time.Now().UTC(), Accounts: make([]KeptAccount, len(p.accounts))}
	for i, a := range p.accounts {
		k := &s.Accounts[i]
		*k = KeptAccount{Name: a.Name, Origin: a.Origin, ListedAt: v[i].ListedAt.UTC()}
		if saved := a.savedLimiter.Load(); saved != nil {
			k.Allowance = *saved
		}
		if company := v[i].Company; company != nil {
			k.Company = *company
		}
		k.Machines = make([]SavedMachine, len(v[i].Machines))
		for j, m := range v[i].Machines {
			k.Machines[j] = SavedMachine{Machine: m.Machine, ListedAt: m.ListedAt.UTC(), Sensors: m.Save()}
			k.Machines[j].Status, k.Machines[j].Since = p.machines.get(m.Key())
		}
		k.ClockAhead, _ = a.Client.ClockDifference()
		h := a.health.Load()
		k.Discovered, k.Limit = h.settled, h.breaker.limit()
		k.Ledger = a.Pacer.State(time.Now()) // last: what the readings above cost is in it
		k.Ledger.At, k.Ledger.Until = k.Ledger.At.UTC(), k.Ledger.Until.UTC()
	}
	return s
}
