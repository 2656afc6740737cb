package collector

import (
	"fmt"
	"regexp"
	"slices"
)

// Unmatched lists the filters and rules of the options that match nothing of what Options.Kept holds, in the words of the
// config; none where an account has not ended its first discovery. Conditions are those of Plans.
func Unmatched(opts Options) []string { return quietPoller(opts).unmatched() }

// unmatched lists the filters and rules that match nothing of what is known, once every account has ended its first discovery.
func (p *Poller) unmatched() []string {
	if !p.Ready() || slices.ContainsFunc(p.accounts, func(a *account) bool { return !a.health.Load().settled }) {
		return nil
	}
	v, o := p.catalogue.view.Load(), &p.opts
	some := func(is func(m *machine) bool) bool {
		return slices.ContainsFunc(v.machines, func(machines []*machine) bool { return slices.ContainsFunc(machines, is) })
	}
	var all []string
	check := func(what string, expressions []*regexp.Regexp, matches func(m *machine, re *regexp.Regexp) bool) {
		for _, re := range expressions {
			if !some(func(m *machine) bool { return matches(m, re) }) {
				all = append(all, fmt.Sprintf("%s %q matches nothing", what, unanchored(re)))
			}
		}
	}
	ofMachine := func(m *machine, re *regexp.Regexp) bool { return re.MatchString(m.ID) || re.MatchString(m.Name) }
	ofSensor := func(m *machine, re *regexp.Regexp) bool {
		return slices.ContainsFunc(m.sensors, func(s *sensor) bool { return re.MatchString(s.ID) || re.MatchString(s.Name) })
	}
	check("discovery.machines.include", o.Machines.Include, ofMachine)
	check("discovery.machines.exclude", o.Machines.Exclude, ofMachine)
	check("discovery.sensors.include", o.Sensors.Include, ofSensor)
	check("discovery.sensors.exclude", o.Sensors.Exclude, ofSensor)
	for i := range o.Rules {
		if !some(func(m *machine) bool {
			return slices.ContainsFunc(m.sensors, func(s *sensor) bool { return s.rule == &o.Rules[i] })
		}) {
			all = append(all, fmt.Sprintf("rule %d of sensors matches no sensor that an earlier rule leaves to it", i+1))
		}
	}
	return all
}

// reportUnmatched logs each filter and rule that matches nothing, once.
func (p *Poller) reportUnmatched() {
	for _, text := range p.unmatched() {
		if _, said := p.reported.LoadOrStore(text, true); !said {
			p.opts.Logger.Warn("a filter or rule matches nothing of what innius lists", "setting", text)
		}
	}
}
