package poller

import (
	"slices"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/schedule"
)

// HandOver returns a poller with other options that replaces this one, whose Run must have returned. It continues with
// everything that is known of the accounts and sensors that remain. Filters, labels and rules are the new ones at once. The
// series of removed accounts end, but the use of their rate limit is remembered for a day in case they return. Both pollers
// share Counters and the channel of Changed.
//
// An account remains if its name and its API do, or its key if it was renamed.
func (p *Poller) HandOver(opts Options) *Poller {
	opts.Counters = p.opts.Counters
	next := newPoller(opts, p.changes)
	next.removed, next.machines, next.reported = p.removed, p.machines, p.reported
	before := next.matchAccounts(p)
	next.takeOverInventory(p, before)
	now := time.Now()
	for i, a := range next.accounts { // in the order of the config: the first account with a machine polls it
		if before[i] != nil {
			a.takeOver(before[i], now)
		} else {
			next.restoreRemoved(a, now)
		}
	}
	for i, a := range next.accounts { // when the inventory is complete
		a.applyInventoryChanges()
		if before[i] != nil {
			a.takeOverSchedule(before[i])
			a.draft = before[i].draft
			a.draft.Remarks = nil // the endpoints may have changed
			a.publishIdle(now)
		}
	}
	next.dropRemoved(p, before, now)
	next.notify()
	return next
}

// matchAccounts returns the account of old that each account replaces; nil if it is new.
func (p *Poller) matchAccounts(old *Poller) []*account {
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

// takeOverInventory takes over lists and cache entries. The ids of another API name other things.
func (p *Poller) takeOverInventory(old *Poller, before []*account) {
	for i, b := range old.accounts {
		if p.find(func(a *account) bool { return a.Origin == b.Origin }) != nil {
			p.inventory.TakeOverEntries(old.inventory, i)
		}
	}
	for i, b := range before {
		if b != nil {
			p.inventory.TakeOverLists(i, old.inventory, b.index)
		}
	}
}

// takeOver continues with the state of another account. What it learned of the rate limit comes first, because the pacer refills
// at that rate.
func (a *account) takeOver(before *account, now time.Time) {
	a.breaker, a.logged, a.requests.lastList = before.breaker, before.logged, before.requests.lastList
	a.limiter.cause, a.limiter.logged = before.limiter.cause, before.limiter.logged
	a.restoreLimiter(before.limiter.learner.Save(), now)
	a.Pacer.Restore(before.Pacer.State(now), now)
	if fixed := a.Account.Company; fixed.ID == "" || fixed.ID == before.identity.company.ID {
		a.takeOverDiscovery(before, now)
		a.takeOverMachines(before)
	} else {
		a.inventory.DropLists(a.index)
		a.logDiscarded(before.identity.company.ID, fixed.ID)
	}
	if !a.Client.SharesKey(before.Client) { // perhaps of another company
		a.identity.unconfirmed, a.breaker.probe, a.breaker.lastSuccess = true, probeAccount, time.Time{}
	}
	a.Client.TakeOver(before.Client)
}

func (a *account) takeOverDiscovery(before *account, now time.Time) {
	a.discovery = before.discovery
	if a.Account.Company.ID != "" {
		a.discovery.dropCompany()
	} else {
		a.identity = before.identity
		if a.discovery.company == nil {
			a.discovery.company, a.identity.unconfirmed = a.discovery.add(innius.OpCompany, ""), true
		}
	}
	a.discovery.reconfigure(a.poller.opts.DiscoveryInterval, a.Pacer.PerHour(), now)
}

// takeOverMachines publishes the known machines with the new labels and filters.
func (a *account) takeOverMachines(before *account) {
	known := before.inventory.Snapshot().Accounts[before.index]
	if known.Company == nil {
		return
	}
	machines, company := known.List(), *known.Company
	if a.Account.Company.ID != "" {
		company = a.identity.company // its name may have changed
	}
	a.inventory.SetMachines(a.index, company, machines, known.ListedAt)
	if a.discovery.machines != nil {
		a.discovery.setMachines(a.inventory.Selected(machines))
	}
}

func (a *account) takeOverSchedule(before *account) {
	own, ok := a.schedule.(*schedule.Scheduler[*inventory.Sensor])
	if previous, same := before.schedule.(*schedule.Scheduler[*inventory.Sensor]); ok && same {
		own.TakeOver(previous)
	}
}

// removedAccount is what is remembered of an account that a reload removed: the use of its rate limit.
type removedAccount struct {
	client *innius.Client
	saved  SavedAccount // without machines
	at     time.Time
}

const (
	removedFor = 24 * time.Hour
	maxRemoved = 100
)

// remember remembers a removed account.
func (p *Poller) remember(b *account, now time.Time) {
	p.removed = slices.DeleteFunc(slices.Clone(p.removed), func(r removedAccount) bool { return now.Sub(r.at) > removedFor })
	if len(p.removed) < maxRemoved {
		p.removed = append(p.removed, removedAccount{client: b.Client, at: now, saved: SavedAccount{
			Name: b.Name, Origin: b.Origin, RateLimit: b.limiter.learner.Save(), Limit: b.breaker.limit(), Pacer: b.Pacer.State(now),
		}})
	}
}

// restoreRemoved restores an account that an earlier reload had removed.
func (p *Poller) restoreRemoved(a *account, now time.Time) {
	i := slices.IndexFunc(p.removed, func(r removedAccount) bool {
		return r.saved.Origin == a.Origin && (r.saved.Name == a.Name || a.Client.SharesKey(r.client))
	})
	if i >= 0 {
		a.restore(&p.removed[i].saved, p.removed[i].at, now)
		p.removed = slices.Delete(slices.Clone(p.removed), i, i+1)
	}
}

// dropRemoved drops what belongs to removed accounts. A new account may still find its sensors among the cache entries.
func (p *Poller) dropRemoved(old *Poller, before []*account, now time.Time) {
	for _, b := range old.accounts {
		if !slices.Contains(before, b) {
			p.remember(b, now)
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
