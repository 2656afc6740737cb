package poller

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/match"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/ratelimit"
	"innius_exporter/internal/poller/schedule"
)

// Options configures a Poller. Accounts, Counters and Logger are required.
type Options struct {
	Accounts          []Account
	Labels            inventory.LabelMode // default: LabelName
	DiscoveryInterval time.Duration       // between two requests of each list; default 1 h
	Machines, Sensors match.Filter
	MinInterval       time.Duration    // between two polls of a sensor, at least; default 10 s
	MaxInterval       time.Duration    // and at most, if the rate limit permits it; default 1 h
	StaleAfter        time.Duration    // a value older than this is not exposed; 0: auto
	SilentAfter       time.Duration    // no new reading for longer means silent; 0: 3 reporting intervals, at least 15 min
	Complete          bool             // poll each sensor before new readings fill more than a page, if the rate limit permits
	Rules             []inventory.Rule // first match wins
	Counters          *Counters
	Logger            *slog.Logger
	State             *State // of an earlier process; nil: none. It is not changed

	// Deliver gets each new reading with a number before it can be in a saved state, so that a crash loses none; a crash may give
	// one twice. Append is called by the loop of each account, which waits for it, with readings in ascending order. nil: none.
	Deliver interface {
		Append(company, machine, sensor string, readings []innius.Reading)
	}

	// Wall reads the wall clock, which may be set at any time; default: time.Now. Only tests set it.
	Wall func() time.Time

	// NewScheduler makes the Scheduler of an account; default: the function of this name. Only the measuring harness sets it.
	NewScheduler func(schedule.Options) Scheduler
}

// Account is one key of the API and what belongs to it.
type Account struct {
	Name        string
	Origin      string // the API, such as the host of its URL: state of another API is not restored
	Client      *innius.Client
	Pacer       *innius.Pacer  // that the client waits for
	Concurrency int            // maximum of requests in flight, at least 1
	KeyTrouble  func() string  // why the last good key is in use; empty: the current one is. May be nil; must not block
	PageSize    int            // readings of a page, as configured; 0: not known
	Company     innius.Company // set by the user; without an ID the API names the company
}

func (o Options) withDefaults() Options {
	o.Labels = cmp.Or(o.Labels, inventory.LabelName)
	o.DiscoveryInterval = cmp.Or(o.DiscoveryInterval, time.Hour)
	o.MinInterval, o.MaxInterval = cmp.Or(o.MinInterval, 10*time.Second), cmp.Or(o.MaxInterval, time.Hour)
	if o.Wall == nil {
		o.Wall = time.Now //nolint:forbidigo // it is the wall clock that is meant
	}
	if o.NewScheduler == nil {
		o.NewScheduler = NewScheduler
	}
	return o
}

// Poller keeps the newest reading of every sensor of its accounts in memory. Run does the work. The other methods may be called
// at any time from any goroutine.
type Poller struct {
	opts      Options
	inventory *inventory.Inventory
	wall      *wallClock
	accounts  []*account
	machines  *machineStatuses
	changes   chan struct{} // see Changed
	removed   []removedAccount
	reported  *sync.Map // filters and rules that match nothing, as logged
}

// New returns a poller that serves Options.State at once. It sends no request before Run.
func New(opts Options) *Poller {
	p := newPoller(opts, make(chan struct{}, 1))
	if saved := p.opts.State; saved != nil {
		p.opts.State = nil // it gets old
		p.restore(saved, innius.Now())
		p.reportUnmatched()
	}
	return p
}

func newPoller(opts Options, changes chan struct{}) *Poller {
	p := &Poller{opts: opts.withDefaults(), changes: changes, machines: &machineStatuses{}, reported: &sync.Map{}}
	p.wall = newWallClock(p.opts.Wall)
	names := make([]string, len(p.opts.Accounts))
	for i, a := range p.opts.Accounts {
		names[i] = a.Name
	}
	p.inventory = inventory.New(inventory.Options{
		Accounts: names, Labels: p.opts.Labels, Machines: p.opts.Machines, Sensors: p.opts.Sensors, Rules: p.opts.Rules,
		ClockDifference: func(account int) time.Duration { return p.accounts[account].ahead() },
	})
	for i := range p.opts.Accounts {
		p.accounts = append(p.accounts, newAccount(i, p))
	}
	return p
}

// notify reports a change that is worth saving at once. It does not block.
func (p *Poller) notify() {
	select {
	case p.changes <- struct{}{}:
	default: // the receiver has not read the last one yet
	}
}

// Changed signals (coalesced) that the state should be saved at once: for a new pause after a 429, the end of the first
// discovery, and a hand-over. The pollers before and after a hand-over share the channel.
func (p *Poller) Changed() <-chan struct{} { return p.changes }

// Run polls until ctx ends, and returns when no request is under way.
func (p *Poller) Run(ctx context.Context) {
	var loops sync.WaitGroup
	for _, a := range p.accounts {
		loops.Go(func() { a.run(ctx) })
	}
	loops.Wait()
}

// Ready reports whether each account has its machines and has completed one poll (none without sensors), serves restored values,
// or has failed or been paused. Once true it stays true.
func (p *Poller) Ready() bool {
	return !slices.ContainsFunc(p.accounts, func(a *account) bool { return !a.health.Load().ready })
}

// Stuck returns the name of an account whose loop has not run for a minute after it meant to wake; empty if there is none.
func (p *Poller) Stuck() string {
	now := innius.Now()
	for _, a := range p.accounts {
		if a.health.Load().stuck(now) {
			return a.Name
		}
	}
	return ""
}

// Unmatched returns the filters and rules that match nothing; none until every account has ended its first discovery.
func (p *Poller) Unmatched() []string {
	v := p.inventory.Snapshot()
	unknown := func(a *account) bool { return !a.health.Load().Settled || v.Accounts[a.index].ListedAt.Load().IsZero() }
	if slices.ContainsFunc(p.accounts, unknown) {
		return nil
	}
	return v.Unmatched()
}

// reportUnmatched logs each filter and rule that matches nothing, once.
func (p *Poller) reportUnmatched() {
	for _, text := range p.Unmatched() {
		if _, logged := p.reported.LoadOrStore(text, true); !logged {
			p.opts.Logger.Warn("Filter or rule matches nothing", "setting", text)
		}
	}
}

// View returns what is known at a moment of innius.Now, only of the accounts with these names if there are any. It reads memory
// only and does not block.
func (p *Poller) View(now time.Time, names ...string) *View {
	p.wall.update(p.opts.Logger)
	v := &View{Inventory: p.inventory.Snapshot(), Labels: p.opts.Labels, Counters: p.opts.Counters, poller: p}
	v.wallAhead = p.wall.difference()
	v.At = now.Add(v.wallAhead)
	v.Accounts, v.others = make([]*AccountView, len(p.accounts)), map[int]*AccountView{}
	for i, a := range p.accounts {
		if len(names) == 0 || slices.Contains(names, a.Name) {
			v.Accounts[i] = a.view(v)
		}
	}
	return v
}

// Save returns the current state. It reads what the loops have published and blocks neither them nor a scrape. Each part is
// consistent, but the parts may be some milliseconds apart.
func (p *Poller) Save() State {
	p.wall.update(p.opts.Logger)
	wallAhead := p.wall.difference()
	s := State{At: innius.Now().UTC(), Accounts: make([]SavedAccount, len(p.accounts))}
	accounts := p.inventory.Snapshot().Accounts
	for i, a := range p.accounts {
		s.Accounts[i] = a.save(&accounts[i], p.machines)
		s.Accounts[i].ClockAhead -= wallAhead
	}
	return *s.moved(wallAhead)
}

// restore restores the accounts that are still configured, before any loop runs.
func (p *Poller) restore(saved *State, now time.Time) {
	saved = saved.moved(-p.wall.difference()).correctClock(now)
	restored := map[*account]*SavedAccount{}
	for i := range saved.Accounts {
		s := &saved.Accounts[i]
		for _, a := range p.accounts {
			switch company := a.Account.Company.ID; {
			case !s.Of(a.Account):
			case company != "" && s.Company.ID != "" && company != s.Company.ID:
				a.lists.logDiscarded(s.Company.ID, company)
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
	p.inventory.Batch(func() {
		for a, s := range restored {
			a.restore(s, saved.At, now)
		}
	})
	for a, s := range restored { // when the inventory is complete
		a.applyInventoryChanges()
		a.draft.Settled = s.Discovered && s.Company.ID != ""
		a.draft.ready = a.draft.Settled || s.hasReadings()
		a.publishIdle(now)
	}
}

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
	ClockAhead   time.Duration    // of the API's clock before the wall clock; 0: none, or not known
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

// moved returns a copy of the state with all times of the local clock moved.
func (s *State) moved(by time.Duration) *State {
	m := &State{At: s.At.Add(by), Accounts: slices.Clone(s.Accounts)}
	if by == 0 {
		return m
	}
	for i := range m.Accounts {
		a := &m.Accounts[i]
		a.changeTimes(func(t *time.Time) { *t = moved(*t, by) })
		a.Limit.Until, a.Pacer.At, a.Pacer.Until = moved(a.Limit.Until, by), moved(a.Pacer.At, by), moved(a.Pacer.Until, by)
		a.Learned = a.Learned.Moved(by)
	}
	return m
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
			change(&one.LastSuccess)
			if one.Rare != nil {
				one.Rare = new(*one.Rare)
				change(&one.FailingSince)
				change(&one.LastFailure)
			}
		}
	}
}
