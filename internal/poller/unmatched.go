package poller

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
	if slices.ContainsFunc(p.accounts, func(a *account) bool { return !a.health.Load().settled }) {
		return nil
	}
	var machines, sensors [][2]string
	used := map[*Rule]bool{}
	for _, m := range slices.Concat(p.catalogue.view.Load().machines...) {
		machines = append(machines, [2]string{m.ID, m.Name})
		for _, s := range m.sensors {
			sensors, used[s.rule] = append(sensors, [2]string{s.ID, s.Name}), true
		}
	}
	var all []string
	look := func(key string, expressions []*regexp.Regexp, objects [][2]string) {
		for _, re := range expressions {
			if !slices.ContainsFunc(objects, func(o [2]string) bool { return re.MatchString(o[0]) || re.MatchString(o[1]) }) {
				all = append(all, fmt.Sprintf("discovery.%s %q matches nothing", key, unanchored(re)))
			}
		}
	}
	look("machines.include", p.opts.Machines.Include, machines)
	look("machines.exclude", p.opts.Machines.Exclude, machines)
	look("sensors.include", p.opts.Sensors.Include, sensors)
	look("sensors.exclude", p.opts.Sensors.Exclude, sensors)
	for i := range p.opts.Rules {
		if !used[&p.opts.Rules[i]] {
			all = append(all, fmt.Sprintf("rule %d of sensors matches no sensor that an earlier rule leaves to it", i+1))
		}
	}
	return all
}

// reportUnmatched logs each filter and rule that matches nothing, once.
func (p *Poller) reportUnmatched() {
	for _, text := range p.unmatched() {
		if _, said := p.reported.LoadOrStore(text, true); !said {
			p.opts.Logger.Warn("Filter or rule matches nothing", "setting", text)
		}
	}
}
