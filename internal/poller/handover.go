package poller

import (
	"slices"
	"time"

	"innius_exporter/innius"
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
	next.removed, next.machines, next.reported, next.wall = p.removed, p.machines, p.reported, p.wall
	before := next.matchAccounts(p)
	next.takeOverInventory(p, before)
	now := innius.Now()
	for _, b := range p.accounts {
		if !slices.Contains(before, b) {
			next.remember(b, now)
		}
	}
	next.inventory.Batch(func() {
		for i, a := range next.accounts {
			if before[i] != nil {
				a.takeOver(before[i], now)
			} else {
				next.restoreRemoved(a, now)
			}
		}
	})
	for i, a := range next.accounts { // when the inventory is complete
		a.applyInventoryChanges()
		if before[i] != nil {
			a.takeOverSchedule(before[i])
			a.draft = before[i].draft
			a.draft.Remarks = nil // the endpoints may have changed
			a.publishIdle(now)
		}
	}
	next.dropRemoved(p, before)
	next.notify()
	next.reportUnmatched()
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
			Name: b.Name, Origin: b.Origin, Learned: b.limiter.learner.Save(), Limit: b.breaker.limit(), Pacer: b.Pacer.State(now),
		}})
	}
}

// restoreRemoved restores an account that this or an earlier reload has removed. If only the key is the same, the API may be
// another one under the same limit, so the requests of the key are spent, but pauses and what was learned do not hold.
func (p *Poller) restoreRemoved(a *account, now time.Time) {
	sharesKey := func(r removedAccount) bool { return a.Client.SharesKey(r.client) }
	i := slices.IndexFunc(p.removed, func(r removedAccount) bool {
		return r.saved.Origin == a.Origin && (r.saved.Name == a.Name || sharesKey(r))
	})
	if i < 0 {
		i = slices.IndexFunc(p.removed, sharesKey)
	}
	if i < 0 {
		return
	}
	r := p.removed[i]
	if r.saved.Origin != a.Origin {
		spent := innius.PacerState{At: r.saved.Pacer.At, Tokens: r.saved.Pacer.Tokens}
		if !r.saved.Pacer.Until.IsZero() {
			spent.Tokens = min(1, spent.Tokens)
		}
		r.saved = SavedAccount{Pacer: spent}
	}
	a.restore(&r.saved, r.at, now)
	p.removed = slices.Delete(slices.Clone(p.removed), i, i+1)
}

// dropRemoved drops what belongs to removed accounts. A new account may still find its sensors among the cache entries.
func (p *Poller) dropRemoved(old *Poller, before []*account) {
	for _, b := range old.accounts {
		if p.find(func(a *account) bool { return a.Name == b.Name }) == nil {
			p.opts.Counters.accounts.Delete(b.Name)
		}
		b.Client.CloseIdleConnections()
	}
	if !slices.Contains(before, nil) {
		p.inventory.DropUnlisted()
	}
}
