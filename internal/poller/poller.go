package poller

import (
	"context"
	"slices"
	"sync"
	"time"

	"innius_exporter/internal/poller/inventory"
)

// Poller keeps the newest reading of every sensor of its accounts in memory. Run does the work. The other methods may be called
// at any time from any goroutine.
type Poller struct {
	opts      Options
	inventory *inventory.Inventory
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
		p.restore(saved, time.Now())
		p.reportUnmatched()
	}
	return p
}

func newPoller(opts Options, changes chan struct{}) *Poller {
	p := &Poller{opts: opts.withDefaults(), changes: changes, machines: &machineStatuses{}, reported: &sync.Map{}}
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
	p.reportUnmatched()
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

// Ready reports whether each account has ended its first discovery or serves restored values. Once true it stays true.
func (p *Poller) Ready() bool {
	return !slices.ContainsFunc(p.accounts, func(a *account) bool { return !a.health.Load().discovered })
}

// Stuck returns the name of an account whose loop has not run for a minute after it meant to wake; empty if there is none.
func (p *Poller) Stuck() string {
	now := time.Now()
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
	unknown := func(a *account) bool { return !a.health.Load().Settled || v.Accounts[a.index].ListedAt.IsZero() }
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
