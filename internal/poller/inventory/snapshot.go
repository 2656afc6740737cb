// Package inventory holds the machines and sensors that exist, as discovery lists them, with their unique labels, filters
// and rules. Discovery replaces one complete list at a time; readers load an immutable Snapshot without waiting.
package inventory

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/match"
	"innius_exporter/internal/poller/reading"
)

// Options configures an Inventory.
type Options struct {
	Accounts          []string // names, in the order of the config. The first that lists a sensor polls it
	Labels            LabelMode
	Machines, Sensors match.Filter
	Rules             []Rule // the first match counts

	// ClockDifference returns how far an account's API is ahead of innius.Now; nil: nothing is.
	ClockDifference func(account int) time.Duration
}

// Rule sets what holds for the sensors that it matches.
type Rule struct {
	Machine, Sensor match.Pattern
	MaxAge          time.Duration      // max-age target; 0: none
	Weight          float64            // of the sensor's lag against that of others; 0: 1
	StaleAfter      time.Duration      // 0: as for all sensors
	SilentAfter     time.Duration      // 0: as for all sensors
	Values          map[string]float64 // numbers for text values
	Extremes        bool               // minimum and maximum are exposed
	States          []string           // texts that are states
	RemoteWrite     bool               // readings are sent to the receivers of remote write
}

// Use returns how the readings of the sensors are used.
func (r *Rule) Use() reading.Rule {
	return reading.Rule{Values: r.Values, Extremes: r.Extremes, States: r.States}
}

// NoRule applies to sensors that no rule matches.
var NoRule = &Rule{RemoteWrite: true}

func (o *Options) ruleFor(m innius.Machine, s innius.Sensor) *Rule {
	for i := range o.Rules {
		if r := &o.Rules[i]; r.Machine.Match(m.ID, m.Name) && r.Sensor.Match(s.ID, s.Name) {
			return r
		}
	}
	return NoRule
}

// Snapshot is everything that exists at one moment. Immutable.
type Snapshot struct {
	Accounts []Account // in the order of the config

	unmatched func() []string
}

// Account is what one account lists.
type Account struct {
	Company  *innius.Company // nil: not known yet
	ListedAt *ListTime       // of the list of machines; nil: never
	Machines []*Machine      // in the API's order
}

// MachineKey identifies a machine over all accounts.
type MachineKey struct{ Company, Machine string }

// SensorKey identifies a sensor over all accounts.
type SensorKey = innius.SensorRef

// ListTime is when a list was read last. It changes while the snapshot stays, because most lists are always the same.
type ListTime struct{ at atomic.Pointer[time.Time] }

// NewListTime returns a ListTime for a list that was read at a moment.
func NewListTime(at time.Time) *ListTime {
	t := &ListTime{}
	t.at.Store(&at)
	return t
}

// Load returns the time; zero: never. It may be called at any time from any goroutine, and for nil.
func (t *ListTime) Load() time.Time {
	if t != nil {
		if at := t.at.Load(); at != nil {
			return *at
		}
	}
	return time.Time{}
}

// Machine is one machine as one account lists it. Immutable, except for ListedAt.
type Machine struct {
	innius.Machine
	Account      int // index of the account
	Company      innius.Company
	CompanyLabel string
	Label        string
	Collision    bool      // Label contains an id because another machine has the same name
	FilteredBy   string    // the filter that leaves the machine out; empty: none
	ExposedBy    string    // the other account that exposes the machine; empty: this one does
	ListedAt     *ListTime // of the list of sensors; nil for filtered machines
	Sensors      []*Sensor // in the API's order
	Polled       []*Sensor // those that this account polls
	AllPolled    []*Sensor // those that any account polls

	clockDifference func(account int) time.Duration
}

// Key returns the machine's identity.
func (m *Machine) Key() MachineKey { return MachineKey{m.Company.ID, m.ID} }

// APITime converts a moment of innius.Now to the API's clock: what the source stamped is compared with that one only.
func (m *Machine) APITime(t time.Time) time.Time {
	if m == nil || m.clockDifference == nil {
		return t
	}
	return t.Add(m.clockDifference(m.Account))
}

// All returns the machine's sensors; none for nil.
func (m *Machine) All() []*Sensor {
	if m == nil {
		return nil
	}
	return m.Sensors
}

// Sensor is one sensor as one account lists it. Immutable, except for its cache entry.
type Sensor struct {
	*innius.Sensor
	Machine   *Machine
	Label     string
	Collision bool       // Label contains an id because another sensor of the machine has the same name
	Excluded  *Exclusion // nil: this account polls the sensor
	Rule      *Rule      // never nil
	Entry     *reading.Entry
}

// Exclusion is why an account does not poll a sensor that it lists. One of its fields is set.
type Exclusion struct {
	FilteredBy string // the filter that leaves the sensor out
	PolledBy   string // the other account that polls the sensor
}

// Key returns the sensor's identity.
func (s *Sensor) Key() SensorKey {
	return SensorKey{Company: s.Machine.Company.ID, Machine: s.Machine.ID, Sensor: s.ID}
}

// Polled reports whether this account polls the sensor.
func (s *Sensor) Polled() bool { return s.Excluded == nil }

// Unmatched returns the filters and rules that match nothing in the snapshot, in the words of the config. It is computed at the
// first call.
func (s *Snapshot) Unmatched() []string { return s.unmatched() }

func (o *Options) findUnmatched(accounts []Account) []string {
	var machines, sensors [][2]string
	used := map[*Rule]bool{}
	for _, a := range accounts {
		for _, m := range a.Machines {
			machines = append(machines, [2]string{m.ID, m.Name})
			for _, s := range m.Sensors {
				sensors, used[s.Rule] = append(sensors, [2]string{s.ID, s.Name}), true
			}
		}
	}
	var all []string
	check := func(key string, patterns []match.Pattern, objects [][2]string) {
		for _, p := range patterns {
			if !slices.ContainsFunc(objects, func(o [2]string) bool { return p.Match(o[0], o[1]) }) {
				all = append(all, fmt.Sprintf("%s '%s' matches nothing", key, p))
			}
		}
	}
	check("discovery.machines.include", o.Machines.Include, machines)
	check("discovery.machines.exclude", o.Machines.Exclude, machines)
	check("discovery.sensors.include", o.Sensors.Include, sensors)
	check("discovery.sensors.exclude", o.Sensors.Exclude, sensors)
	for i := range o.Rules {
		if !used[&o.Rules[i]] {
			all = append(all, fmt.Sprintf("sensors[%d] matches no sensor that an earlier rule leaves to it", i))
		}
	}
	return all
}
