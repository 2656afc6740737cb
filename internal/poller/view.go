package poller

import (
	"slices"
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
	Accounts  []*AccountView // as in Inventory; nil for accounts that the view leaves out
	Counters  *Counters

	poller *Poller
}

// AccountView is what is known of an account. Times are zero, causes and texts empty if there is none.
type AccountView struct {
	Name            string
	Up, Responded   bool   // Up means nothing before innius has responded or the account failed
	Failure         string // key, network, server or invalid_response
	FailingSince    time.Time
	LastError       string
	LastErrorAt     time.Time
	PausedUntil     time.Time
	PauseReason     string // limit, unavailable, key or outage
	RequestsPerHour float64
	Configured      float64         // requests per hour
	Lowered         ratelimit.Cause // why RequestsPerHour is lower than configured
	Burst           int             // requests
	Remaining       float64         // requests that could be sent now
	Demand          float64         // requests per hour that the reporting intervals of the sensors need
	ForPolls        float64         // requests per hour that discovery leaves
	Sensors         int             // to poll
	Cycle           time.Duration   // to poll each sensor once, with routine discovery
	RelaxedBy       float64         // factor by which max-age targets are relaxed; 0: they are not
	ClockDifference time.Duration   // of the API's clock before this machine's
	ClockKnown      bool

	Settled          bool              // the first discovery has ended
	Verified         time.Time         // when the whole inventory was verified
	Lists, ListsRead int               // known, and read or failed
	ListErrors       map[string]string // by machine id

	ClocksDiffer bool     // by more than is tolerated
	KeyProblem   string   // why the last good key is in use
	NoReadings   bool     // no sensor has a usable reading
	Remarks      []Remark // on how the API serves values

	blocked [2]blockage // the one at the time of the view, and the latest long one
}

// View returns what is known at a moment, of the accounts with these indexes only if there are any. It reads memory only and
// does not block.
func (p *Poller) View(now time.Time, accounts ...int) *View {
	v := &View{At: now, Inventory: p.inventory.Snapshot(), Labels: p.opts.Labels, Counters: p.opts.Counters, poller: p}
	v.Accounts = make([]*AccountView, len(p.accounts))
	for i, a := range p.accounts {
		if len(accounts) == 0 || slices.Contains(accounts, i) {
			v.Accounts[i] = a.view(now)
		}
	}
	return v
}

func (a *account) view(now time.Time) *AccountView {
	v := a.health.Load().at(now)
	v.Name, v.Configured = a.Name, a.limiter.configured.PerHour
	v.RequestsPerHour, v.Burst, v.Remaining = a.Pacer.PerHour(), a.Pacer.Burst(), a.Pacer.Remaining(now)
	if a.Client != nil {
		v.ClockDifference, v.ClockKnown = a.Client.ClockDifference()
	}
	return &v
}

// SensorView is what a scrape shows of a sensor.
type SensorView struct {
	*reading.Record
	Status   SensorStatus
	Exposed  bool         // the value is not stale
	Interval float64      // reporting interval in seconds; 0: not known, or of no meaning for the newest reading
	MaxAge   MaxAgeStatus // empty: the sensor has no target

	StaleAfter, SilentAfter time.Duration // SilentAfter 0: silence cannot be judged
}

// Sensor returns what is known of a sensor of the view's inventory. All of it comes from one cache entry.
func (v *View) Sensor(s *inventory.Sensor) SensorView {
	r := s.Entry.Load()
	one := SensorView{
		Record: r, MaxAge: v.maxAge(s, r), StaleAfter: v.staleAfter(s, r), SilentAfter: v.poller.opts.silentAfter(s, r),
		Interval: r.Interval.Period(),
	}
	one.Exposed = s.Polled() && r.Exposed(one.StaleAfter, s.Machine.APITime(v.At))
	one.Status = v.status(s, r, one.Exposed)
	switch r.Unusable.Skip {
	case innius.SkipText, innius.SkipTime, innius.SkipFuture: // a text without a number is no silence
		one.Interval = 0
	}
	return one
}
