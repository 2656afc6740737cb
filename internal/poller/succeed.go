package poller

import (
	"slices"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/schedule"
)

// Succeed makes the poller that takes this one's place under other options, once its Run has returned. It goes on with
// all that is known of the accounts and sensors that remain: readings, what the schedule and the discovery learned, the
// ledger of the allowance, pauses, and how each account does. Filters, labels and rules are the new ones at once.
// Accounts that are gone take their series with them; what they spent is remembered for a day, should they come back. Both
// share the Counters of the first.
//
// An account remains where its name and its API do; one that was renamed is known by its key.
func (p *Poller) Succeed(opts Options) *Poller {
	opts.Counters = p.opts.Counters
	next := newPoller(opts, p.news)
	next.departed, next.machines, next.reported = p.departed, p.machines, p.reported
	before := next.predecessors(p)
	for i, b := range p.accounts {
		if next.find(func(a *account) bool { return a.Origin == b.Origin }) != nil { // the ids of another API name other things
			next.inventory.TakeOverEntries(p.inventory, i)
		}
	}
	for i, b := range before {
		if b != nil {
			next.inventory.TakeOverLists(i, p.inventory, b.index)
		}
	}
	now := time.Now()
	for i, a := range next.accounts { // in the order of the config, which decides who asks for a twin
		if before[i] != nil {
			a.succeed(before[i], now)
		} else {
			next.rejoin(a, now)
		}
	}
	for i, a := range next.accounts { // when each knows what the others have
		a.applyInventoryChanges()
		if before[i] != nil {
			a.takeOverSchedule(before[i])
			a.goOn(before[i], now)
		}
	}
	next.retire(p, before, now)
	next.note() // whoever keeps snapshots should have one of the new accounts
	return next
}

// predecessors returns, for each account, the one whose place it takes; nil where it is new.
func (p *Poller) predecessors(old *Poller) []*account {
	before := make([]*account, len(p.accounts))
	for i, a := range p.accounts {
		before[i] = old.find(func(b *account) bool { return b.Name == a.Name && b.Origin == a.Origin })
	}
	for i, a := range p.accounts {
		if before[i] == nil {
			before[i] = old.find(func(b *account) bool {
				return b.Origin == a.Origin && !slices.Contains(before, b) && a.Client.SharesKey(b.Client)
			})
		}
	}
	return before
}

func (p *Poller) find(is func(*account) bool) *account {
	if i := slices.IndexFunc(p.accounts, is); i >= 0 {
		return p.accounts[i]
	}
	return nil
}

// succeed takes over what another account knew of the API, and publishes its machines under the new options.
func (a *account) succeed(before *account, now time.Time) {
	a.breaker, a.logged, a.requests.lastList = before.breaker, before.logged, before.requests.lastList
	a.limiter.cause, a.limiter.logged = before.limiter.cause, before.limiter.logged
	a.restoreLimiter(before.limiter.learner.Save(), now) // first: the ledger refills at the rate learned
	a.Pacer.Restore(before.Pacer.State(now), now)
	if fixed := a.Account.Company; fixed.ID == "" || fixed.ID == before.identity.company.ID {
		a.goOnDiscovering(before, now)
		a.republish(before)
	} else {
		a.inventory.DropLists(a.index)
		a.logDiscarded(before.identity.company.ID, fixed.ID)
	}
	if !a.Client.SharesKey(before.Client) {
		a.identity.unconfirmed, a.breaker.probe, a.breaker.lastSuccess = true, probeAccount, time.Time{} // whose key is it?
	}
	a.Client.TakeOver(before.Client)
}

// goOnDiscovering takes over the lists of the same company.
func (a *account) goOnDiscovering(before *account, now time.Time) {
	a.discovery = before.discovery
	if a.Account.Company.ID != "" {
		a.discovery.dropCompany()
	} else {
		a.identity = before.identity
		if a.discovery.company == nil {
			a.discovery.company, a.identity.unconfirmed = a.discovery.add(innius.OpCompany, ""), true
		}
	}
	a.discovery.reconfigure(a.opts.DiscoveryInterval, a.Pacer.PerHour(), now)
}

// republish publishes the machines that are known, labelled and filtered by the new options.
func (a *account) republish(before *account) {
	known := before.inventory.Snapshot().Accounts[before.index]
	if known.Company == nil {
		return
	}
	list := make([]innius.Machine, len(known.Machines))
	for i, m := range known.Machines {
		list[i] = m.Machine
	}
	company := *known.Company
	if a.Account.Company.ID != "" {
		company = a.identity.company // its name may be another one now
	}
	a.inventory.SetMachines(a.index, company, list, known.ListedAt)
	if a.discovery.machines != nil {
		a.discovery.setMachines(a.inventory.Selected(list))
	}
}

// takeOverSchedule continues with the level and the tasks of the account before.
func (a *account) takeOverSchedule(before *account) {
	own, ok := a.schedule.(*schedule.Scheduler[*inventory.Sensor])
	if previous, same := before.schedule.(*schedule.Scheduler[*inventory.Sensor]); ok && same {
		own.TakeOver(previous)
	}
}

// goOn publishes how the account does.
func (a *account) goOn(before *account, now time.Time) {
	a.draft = before.draft
	a.draft.remarks = nil // the template of values may be another
	a.publishIdle(now)
}

// departed is what is remembered of an account that a reload took away: what was spent of its key's allowance, and learned.
type departed struct {
	client *innius.Client
	kept   KeptAccount // without readings
	at     time.Time
}

const (
	departedFor  = 24 * time.Hour
	mostDeparted = 100
)

// depart remembers an account that is gone.
func (p *Poller) depart(b *account, now time.Time) {
	p.departed = slices.DeleteFunc(slices.Clone(p.departed), func(d departed) bool { return now.Sub(d.at) > departedFor })
	if len(p.departed) < mostDeparted {
		p.departed = append(p.departed, departed{client: b.Client, at: now, kept: KeptAccount{
			Name: b.Name, Origin: b.Origin, Allowance: b.limiter.learner.Save(), Limit: b.breaker.limit(), Ledger: b.Pacer.State(now),
		}})
	}
}

// rejoin lets an account that was away go on with what its key had spent.
func (p *Poller) rejoin(a *account, now time.Time) {
	i := slices.IndexFunc(p.departed, func(d departed) bool {
		return d.kept.Origin == a.Origin && (d.kept.Name == a.Name || a.Client.SharesKey(d.client))
	})
	if i < 0 {
		return
	}
	a.restore(&p.departed[i].kept, p.departed[i].at, now)
	p.departed = slices.Delete(slices.Clone(p.departed), i, i+1)
}

// retire lets go of what no account has any more. Where one is new, cells wait for it to find their sensors.
func (p *Poller) retire(old *Poller, before []*account, now time.Time) {
	for _, b := range old.accounts {
		if !slices.Contains(before, b) {
			p.depart(b, now)
		}
		if p.find(func(a *account) bool { return a.Name == b.Name }) == nil {
			p.opts.Counters.forget(b.Name)
		}
		b.Client.CloseIdleConnections()
	}
	if !slices.Contains(before, nil) {
		p.inventory.DropUnlisted()
	}
}
