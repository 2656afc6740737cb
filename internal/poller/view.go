package poller

import (
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/ratelimit"
	"innius_exporter/internal/poller/reading"
)

// View is what a scrape shows of a poller at one moment.
type View struct {
	At        time.Time
	Inventory *inventory.Snapshot
	Labels    inventory.LabelMode
	Accounts  []AccountView // as in Inventory
	Counters  *Counters

	verdict *Verdict
}

// AccountView is what a scrape shows of an account. Times are zero and causes empty if there is none.
type AccountView struct {
	Name            string
	Up, Responded   bool   // Up means nothing before innius has responded or the account failed
	Failure         string // key, network, server or invalid_response
	RequestsPerHour float64
	Lowered         ratelimit.Cause // why RequestsPerHour is lower than configured
	Remaining       float64         // requests that could be sent now
	Demand          float64         // requests per hour that the reporting intervals of the sensors need
	PausedUntil     time.Time
	Verified        time.Time     // when the whole inventory was verified
	ClockDifference time.Duration // of the API's clock before this machine's
	ClockKnown      bool
}

// View returns what is known at a moment. It reads memory only and does not block.
func (p *Poller) View(now time.Time) *View {
	v := &View{At: now, Inventory: p.inventory.Snapshot(), Labels: p.opts.Labels, Counters: p.opts.Counters, verdict: p.Verdict(now)}
	for _, a := range p.accounts {
		h := a.health.Load()
		one := AccountView{
			Name: a.Name, Failure: h.failure(), RequestsPerHour: a.Pacer.PerHour(), Lowered: h.lowered, Remaining: a.Pacer.Remaining(now),
			Demand: h.demand, PausedUntil: h.pausedUntil(now), Verified: h.verified,
		}
		one.Up, one.Responded = h.up()
		if a.Client != nil {
			one.ClockDifference, one.ClockKnown = a.Client.ClockDifference()
		}
		v.Accounts = append(v.Accounts, one)
	}
	return v
}

// SensorView is what a scrape shows of a sensor.
type SensorView struct {
	*reading.Record
	Status   SensorStatus
	Exposed  bool         // the value is not stale
	Interval float64      // reporting interval in seconds; 0: not known, or of no meaning for the newest reading
	MaxAge   MaxAgeStatus // empty: the sensor has no target
}

// Sensor returns what is known of a sensor of the view's inventory.
func (v *View) Sensor(s *inventory.Sensor) SensorView {
	one := SensorView{Record: s.Entry.Load(), Status: v.verdict.Sensor(s), MaxAge: v.verdict.MaxAge(s)}
	one.Exposed = one.Record.Exposed(v.verdict.StaleAfter(s), s.Machine.APITime(v.At))
	switch one.Unusable.Skip {
	case innius.SkipText, innius.SkipTime, innius.SkipFuture: // a text without a number is no silence
	default:
		one.Interval = one.Record.Interval.Seconds
	}
	return one
}

// Machine returns the status of a machine, and since when it has it.
func (v *View) Machine(m *inventory.Machine) (MachineStatus, time.Time) { return v.verdict.Machine(m) }
