package poller

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"time"

	"innius_exporter/innius"
)

// ask asks for one page of a list.
func (a *account) ask(ctx context.Context, l *listing) {
	switch l.op {
	case innius.OpCompany:
		a.askCompany(ctx, l)
	case innius.OpMachines:
		company := a.company
		askPage(ctx, a, l, &l.machines, func(ctx context.Context, key string) (innius.Page[innius.Machine], error) {
			return a.Client.Machines(ctx, company.ID, key)
		}, func(m innius.Machine) string { return m.ID }, a.publishMachines)
	default:
		company := a.company
		askPage(ctx, a, l, &l.sensors, func(ctx context.Context, key string) (innius.Page[innius.Sensor], error) {
			return a.Client.Sensors(ctx, company.ID, l.machine, key)
		}, func(s innius.Sensor) string { return s.ID }, func(list []innius.Sensor, now time.Time) {
			a.logChanges(l.machine, list)
			a.catalogue.publishSensors(a.index, l.machine, list, now)
		})
	}
}

func (a *account) askCompany(ctx context.Context, l *listing) {
	a.begin(ctx, func(ctx context.Context) func(time.Time) {
		company, err := a.Client.Company(ctx)
		return func(now time.Time) {
			if ctx.Err() != nil || !a.listed(l, err, now) {
				return
			}
			if !a.belongs(company, now) {
				a.discovery.confirm(l, now)
				return
			}
			a.catalogue.publishCompany(a.index, company)
			a.discovery.done(l, now)
		}
	})
}

// logDropped logs that what is known of an account is of another company.
func (a *account) logDropped(before, company string) {
	a.log.Warn("account has another company than the kept state; that state is dropped",
		"before", innius.Printable(before), "company", innius.Printable(company))
}

// belongs takes note of the key's company and reports whether that is settled. Another company than before is
// confirmed by a second look, like any loss of more than half; then all lists start anew. At the first look after a
// restart there is no doubt to be had: what was kept is another account's, and is not served a moment longer.
func (a *account) belongs(company innius.Company, now time.Time) bool {
	unproven := a.unproven
	a.unproven = false
	if a.discovery.machines != nil && a.company.ID != company.ID {
		switch {
		case unproven:
			a.logDropped(a.company.ID, company.ID)
		case a.otherCompany != company.ID:
			a.log.Warn("the key belongs to another company now; a second look confirms it",
				"before", innius.Printable(a.company.ID), "company", innius.Printable(company.ID))
			a.otherCompany = company.ID
			return false
		}
		a.discovery.forget()
		a.resetLimiter(now)
		a.catalogue.publishMachines(a.index, company, nil, time.Time{})
	}
	a.company, a.otherCompany = company, ""
	a.discovery.begin()
	return true
}

// askPage asks for the next page of a list, and publishes the list when it is complete.
func askPage[T any](ctx context.Context, a *account, l *listing, p *partial[T],
	read func(context.Context, string) (innius.Page[T], error), id func(T) string, publish func([]T, time.Time),
) {
	key := p.next
	a.begin(ctx, func(ctx context.Context) func(time.Time) {
		page, err := read(ctx, key)
		return func(now time.Time) {
			l.more = page.Next != ""
			if ctx.Err() != nil || l.gone || !a.listed(l, err, now) {
				return
			}
			p.add(page)
			if err := p.endless(); err != nil {
				a.listed(l, fmt.Errorf("read the list %s: %w", l.name(), err), now)
				return
			}
			if p.next != "" {
				a.tellLong(l, len(p.keys), len(p.items))
				a.discovery.more(l)
				return
			}
			items, whole := p.finish(id)
			if !whole {
				a.aboutList(l).Warn("a list lost more than half; nothing is deleted until a second look confirms it")
				a.discovery.confirm(l, now)
				return
			}
			publish(items, now)
			a.discovery.done(l, now)
		}
	})
}

// tellLong says at 100, 1000 ... pages that a list is long: it takes as many requests, and one that never ends looks like it.
func (a *account) tellLong(l *listing, pages, items int) {
	if pages >= 100 && math.Log10(float64(pages)) == math.Trunc(math.Log10(float64(pages))) {
		a.aboutList(l).Warn("a list goes on; each page costs a request. If there are not so many, its next_key never ends",
			"pages", pages, "items", items)
	}
}

// logChanges logs units and names that are not what they were: queries and alerts go by them.
func (a *account) logChanges(machine string, list []innius.Sensor) {
	before := map[string]innius.Sensor{}
	for _, s := range a.catalogue.lists[a.index][machine].sensors {
		before[s.ID] = s
	}
	for _, s := range list {
		if was, known := before[s.ID]; known && was != s {
			a.log.Warn("unit or name of a sensor changed", "machine", a.catalogue.labelOf(a.index, machine), "sensor", s.Name,
				"unit", s.Unit, "unit_before", was.Unit, "sensor_before", was.Name)
		}
	}
}

func (a *account) publishMachines(list []innius.Machine, now time.Time) {
	a.catalogue.publishMachines(a.index, a.company, list, now)
	a.discovery.know(a.wanted(list))
}

// wanted returns the ids of the machines that no filter keeps out.
func (a *account) wanted(list []innius.Machine) []string {
	var ids []string
	for _, m := range list {
		if a.opts.Machines.reject("machines", m.ID, m.Name) == "" {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// listed takes the answer about a list into account and reports whether it is one to go on with.
func (a *account) listed(l *listing, err error, now time.Time) bool {
	class := classify(err)
	err = a.hint(l.op, err)
	switch {
	case class == resultForbidden && l.op == innius.OpCompany && (!unknownPath(err) || a.company.ID != ""):
		class = resultKey
	case (class == resultObject || class == resultForbidden) && l.op != innius.OpSensors:
		class = resultInvalid // without company and machines there is nothing: this is no matter of a single object
	}
	account := l == a.discovery.account()
	blamed := a.judge(requestResult{
		class: class, machine: l.machine, object: l.name(), account: account,
		first: l.success.IsZero(), more: account && l.success.IsZero() && l.more,
		values: l.op == innius.OpSensors && a.schedule.Len() == 0, probe: l.op == innius.OpSensors && a.schedule.Len() == 0,
	}, err, now)
	switch {
	case err == nil:
		if l.failure != "" && !l.more {
			a.aboutList(l).Info("list can be read again")
			l.failure = ""
		}
		return true
	case blamed && account:
		if l.failure, l.failures = err.Error(), l.failures+1; class == resultInvalid {
			l.restart() // perhaps its start_key is refused
		}
		a.discovery.again(l, now)
	case blamed:
		a.discovery.again(l, now)
	default:
		if l.failure == "" {
			a.aboutList(l).Warn("list cannot be read; what is known of it stays, and it is asked again with back-off", "err", err)
		}
		a.discovery.failed(l, err.Error(), class == resultObject || class == resultInvalid, now)
	}
	return false
}

// aboutList returns a logger that names a list, and its machine.
func (a *account) aboutList(l *listing) *slog.Logger {
	if l.op == innius.OpSensors {
		return a.log.With("list", string(l.op), "machine", a.catalogue.labelOf(a.index, l.machine))
	}
	return a.log.With("list", string(l.op))
}

// name tells one list from others, for errors and the circuit breaker.
func (l *listing) name() string {
	if l.op == innius.OpSensors {
		return "sensors of machine " + l.machine
	}
	return string(l.op)
}
