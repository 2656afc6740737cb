package poller

import (
	"maps"
	"slices"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/schedule"
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
	Machines     []KeptMachine
	Ledger       innius.PacerState
	Limit        SavedLimit
	Allowance    []byte        // what was learned of the true allowance, encoded by who learns it; nil: nothing
	ClockAhead   time.Duration // of the API's clock before ours; 0: none, or not known
}

// Of reports whether this is the state of an account: of the same name and the same API. Whether of the same company, the config
// or the first response shows.
func (k *KeptAccount) Of(a Account) bool { return k.Name == a.Name && k.Origin == a.Origin }

// KeptMachine is one machine as listed, with its sensors.
type KeptMachine struct {
	innius.Machine
	ListedAt time.Time // when its sensors were listed; zero: never
	Sensors  []KeptSensor
}

// KeptSensor is one sensor as listed, and what is known of its readings; moments are zero where there is none.
type KeptSensor struct {
	innius.Sensor
	At       time.Time // of the newest number, at the source
	Value    float64
	Answered time.Time      // when the API last answered for it
	Unusable innius.Reading // newer than the newest number, and none itself
	Cursor   innius.Cursor

	Failure  string    // why the last request about it failed; empty where it did not
	FailedAt time.Time // when it began to fail
	Tried    time.Time // when it failed last
	Failures int       // in a row

	Seen, Future, Older time.Time // until when readings have been counted, of three kinds
	Faulty              []string  // times that could not be read and have been counted

	Schedule []byte // what was learned of its pace, as schedule.Sensor keeps it; nil: nothing
}

// Snapshot returns what is known now. It reads what the loops have published and keeps neither them nor a scrape
// waiting: each piece is whole, though the pieces may be some milliseconds apart.
func (p *Poller) Snapshot() Snapshot {
	v := p.catalogue.view.Load()
	s := Snapshot{At: time.Now().UTC(), Accounts: make([]KeptAccount, len(p.accounts))}
	for i, a := range p.accounts {
		k := &s.Accounts[i]
		*k = KeptAccount{Name: a.Name, Origin: a.Origin, ListedAt: v.listedAt[i].UTC()}
		if lessons := a.lessons.Load(); lessons != nil {
			k.Allowance = *lessons
		}
		if company := v.companies[i]; company != nil {
			k.Company = *company
		}
		k.Machines = make([]KeptMachine, len(v.machines[i]))
		for j, m := range v.machines[i] {
			k.Machines[j] = m.snapshot()
		}
		k.ClockAhead, _ = a.Client.ClockDifference()
		h := a.health.Load()
		k.Discovered, k.Limit = h.settled, h.breaker.limit()
		k.Ledger = a.Pacer.State(time.Now()) // last: what the readings above cost is in it
		k.Ledger.At, k.Ledger.Until = k.Ledger.At.UTC(), k.Ledger.Until.UTC()
	}
	return s
}

func (m *machine) snapshot() KeptMachine {
	k := KeptMachine{Machine: m.Machine, ListedAt: m.listedAt.UTC(), Sensors: make([]KeptSensor, len(m.sensors))}
	for i, s := range m.sensors {
		k.Sensors[i].Sensor = *s.Sensor
		if s.twinOf == "" { // a twin's readings are with the account that asks for it
			k.Sensors[i].take(s.cell)
		}
	}
	return k
}

// knows reports whether anything was ever asked about the sensor.
func (k *KeptSensor) knows() bool { return !k.Answered.IsZero() || k.Failures > 0 }

// take takes over what is known of a sensor's readings.
func (k *KeptSensor) take(c *cell) {
	o := c.Load()
	k.At, k.Value, k.Answered, k.Unusable, k.Cursor = o.at.UTC(), o.value, o.answered.UTC(), o.unusable, o.cursor
	k.Unusable.Time = k.Unusable.Time.UTC()
	k.Failure, k.FailedAt, k.Tried, k.Failures = o.failure, o.failedAt.UTC(), o.tried.UTC(), o.failures
	k.Seen, k.Future, k.Older = o.seen.UTC(), o.future.UTC(), o.older.UTC()
	k.Faulty = slices.Sorted(maps.Keys(o.faulty))
	if p := c.pace.Load(); p != unpaced {
		k.Schedule = p.Keep()
	}
}

// cell returns a cell that knows what is kept.
func (k *KeptSensor) cell() *cell {
	c := newCell()
	o := &observation{at: k.At, value: k.Value, answered: k.Answered, seen: k.Seen, cursor: k.Cursor, trouble: &trouble{
		failure: k.Failure, failedAt: k.FailedAt, tried: k.Tried, failures: k.Failures, logged: k.Failure != "",
		unusable: k.Unusable, future: k.Future, older: k.Older,
	}}
	if len(k.Faulty) > 0 {
		o.faulty = make(map[string]bool, len(k.Faulty))
		for _, text := range k.Faulty {
			o.faulty[text] = true
		}
	}
	o.settle()
	c.Store(o)
	var known schedule.Sensor
	if k.Schedule != nil && known.Restore(k.Schedule) == nil { // what another version wrote was never learned
		c.pace.Store(&known)
	}
	return c
}
