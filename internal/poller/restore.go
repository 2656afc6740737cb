package poller

import (
	"slices"
	"time"

	"innius_exporter/innius"
)

// restore takes over what an earlier process knew of the accounts that are still the same. It is called before any
// loop runs.
func (p *Poller) restore(kept *Snapshot, now time.Time) {
	kept = kept.asOf(now)
	taken := map[*account]*KeptAccount{}
	for i := range kept.Accounts {
		k := &kept.Accounts[i]
		for _, a := range p.accounts {
			switch company := a.Account.Company.ID; {
			case !k.Of(a.Account):
			case company != "" && k.Company.ID != "" && company != k.Company.ID:
				a.logDiscarded(k.Company.ID, company)
			default:
				taken[a] = k
			}
		}
	}
	for a, k := range taken {
		for i := range k.Machines {
			m := &k.Machines[i]
			p.inventory.Restore(a.index, k.Company.ID, m.Machine, m.Sensors, m.ListedAt)
		}
		p.machines.restore(k)
	}
	for _, a := range p.accounts { // in the order of the config, which decides who asks for a twin
		if k := taken[a]; k != nil {
			a.restore(k, kept.At, now)
		}
	}
	for a, k := range taken { // when each knows what the others have
		a.applyInventoryChanges()
		a.showKept(k, now)
	}
}

// restore takes over what was kept of the account. The kept lists count as known: they are looked at again when that
// is due, within discovery's share; only the company is asked at once, for the key may be another company's now.
func (a *account) restore(k *KeptAccount, keptAt, now time.Time) {
	a.restoreLimiter(k.Allowance, now) // first: the ledger refilled at the rate learned
	a.Pacer.Restore(k.Ledger, now)
	a.breaker.restoreLimit(k.Limit, keptAt, now)
	if k.ClockAhead != 0 {
		a.Client.AssumeClockDifference(k.ClockAhead)
	}
	if k.Company.ID == "" {
		return
	}
	if a.Account.Company.ID == "" {
		a.identity = identity{company: k.Company, unconfirmed: true}
	}
	list := make([]innius.Machine, len(k.Machines))
	for i := range k.Machines {
		list[i] = k.Machines[i].Machine
	}
	a.inventory.SetMachines(a.index, a.identity.company, list, k.ListedAt)
	a.discovery.restore(k, a.inventory.Selected(list))
}

// showKept publishes what was restored, before the loop runs: a scrape may come first.
func (a *account) showKept(k *KeptAccount, now time.Time) {
	a.draft.settled = k.Discovered && k.Company.ID != ""
	a.draft.discovered = a.draft.settled || k.serves()
	a.publishIdle(now)
}

// serves reports whether any value is kept.
func (k *KeptAccount) serves() bool {
	return slices.ContainsFunc(k.Machines, func(m SavedMachine) bool {
		return slices.ContainsFunc(m.Sensors, func(s SavedSensor) bool { return !s.Time.IsZero() })
	})
}
