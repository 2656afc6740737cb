package poller

import (
	"context"
	"slices"
	"sync"
	"time"

	"innius_exporter/internal/poller/inventory"
)

// Poller keeps the newest reading of every sensor of its accounts in memory. Run does the work; everything else may
// be called at any time from any goroutine.
type Poller struct {
	opts      Options
	inventory *inventory.Inventory
	accounts  []*account
	news      chan struct{} // see Noteworthy
	departed  []departed
	machines  *machineStatuses
	reported  *sync.Map // filters and rules that match nothing, as logged
}

// NewPoller makes a poller. Nothing is asked before Run; what Options.Kept holds is there at once.
func NewPoller(opts Options) *Poller {
	p := newPoller(opts, make(chan struct{}, 1))
	if kept := p.opts.Kept; kept != nil {
		p.opts.Kept = nil // its readings age
		p.restore(kept, time.Now())
		p.reportUnmatched()
	}
	return p
}

func newPoller(opts Options, news chan struct{}) *Poller {
	p := &Poller{opts: opts.withDefaults(), news: news, machines: &machineStatuses{}, reported: &sync.Map{}}
	names := make([]string, len(p.opts.Accounts))
	for i, a := range p.opts.Accounts {
		names[i] = a.Name
	}
	p.inventory = inventory.New(inventory.Options{
		Accounts: names, Labels: p.opts.Labels, Machines: p.opts.Machines, Sensors: p.opts.Sensors, Rules: p.opts.Rules,
		ClockDifference: func(account int) time.Duration { return p.accounts[account].ahead() },
	})
	for i := range p.opts.Accounts {
		p.accounts = append(p.accounts, newAccount(i, &p.opts, p.inventory, p.note))
		p.accounts[i].judgeMachines = func(now time.Time) { p.judgeMachines(i, now) }
	}
	return p
}

func (p *Poller) note() {
	select {
	case p.news <- struct{}{}:
	default: // the one before has not been heard yet
	}
	p.reportUnmatched()
}

// Noteworthy tells, several perhaps as one, of what a crash must not forget: a new pause for a limit, which would end in a
// 429 that could have been foreseen; the end of the first discovery, which was paid for; a reload, after which accounts may
// have other names. Whoever keeps snapshots should take one then. There is one such channel, of this poller and those that
// succeed it.
func (p *Poller) Noteworthy() <-chan struct{} { return p.news }

// Run polls until ctx ends, and returns when no request is under way any more.
func (p *Poller) Run(ctx context.Context) {
	var loops sync.WaitGroup
	for _, a := range p.accounts {
		loops.Go(func() { a.run(ctx) })
	}
	loops.Wait()
}

// Ready reports whether each account has completed or failed one discovery, or serves kept values. Once true it stays
// true.
func (p *Poller) Ready() bool {
	return !slices.ContainsFunc(p.accounts, func(a *account) bool { return !a.health.Load().discovered })
}

// Stuck returns the name of an account whose loop has neither decided anything nor been asleep until a known moment
// for a minute; empty where all are well.
func (p *Poller) Stuck() string {
	now := time.Now()
	for _, a := range p.accounts {
		if a.health.Load().stuck(now) {
			return a.Name
		}
	}
	return ""
}

// cycle returns how long an account needs to ask each of its sensors once, beside its lists.
func (a *account) cycle() time.Duration { return a.health.Load().cycle(a.Pacer.PerHour()) }

func (h *health) cycle(perHour float64) time.Duration {
	if h.forReadings > 0 {
		perHour = h.forReadings
	}
	return time.Duration(float64(h.sensors) / perHour * float64(time.Hour))
}

// unmatched lists the filters and rules that match nothing of what is known, once every account has ended its first discovery.
func (p *Poller) unmatched() []string {
	if slices.ContainsFunc(p.accounts, func(a *account) bool { return !a.health.Load().settled }) {
		return nil
	}
	return p.inventory.Snapshot().Unmatched()
}

// reportUnmatched logs each filter and rule that matches nothing, once.
func (p *Poller) reportUnmatched() {
	for _, text := range p.unmatched() {
		if _, logged := p.reported.LoadOrStore(text, true); !logged {
			p.opts.Logger.Warn("Filter or rule matches nothing", "setting", text)
		}
	}
}
