// Package plan says in words what an allowance buys: what the collector's plan has computed, and what to change where it
// does not fit.
package plan

import (
	"fmt"
	"io"
	"time"

	"innius_exporter/internal/poller"
)

// Page is the plan of one account, and what of the config it is read beside.
type Page struct {
	poller.Plan
	RequestsPerHour float64       // as configured
	Share           float64       // of them that are the exporter's
	MinInterval     time.Duration // between two requests for one sensor
	MaxInterval     time.Duration
	Known           time.Time     // when what is kept was written; zero: the sensors are assumed
	Every           time.Duration // how often an assumed sensor reports; 0: more often than it can be asked
	Ignored         bool          // the config's filters and rules do not know the assumed sensors
}

// Write writes the page. Errors of w are lost: it is meant for a terminal.
func (p Page) Write(w io.Writer) {
	wrapped(w, "", fmt.Sprintf("account %q: %s", p.Account, p.subject()))
	line(w, "allowance", "%s requests an hour (%s), one every %s; %d at once after a rest",
		count(p.PerHour), p.origin(), span(hours(1/p.PerHour)), p.Burst)
	line(w, "needed", "%s", p.needed())
	line(w, "planned", "%s requests an hour, %s of them for lists, each read every %s",
		count(p.Planned), count(p.Lists.PerHour), span(p.Lists.Every))
	line(w, "cycle", "%s to ask each sensor once%s", span(p.Cycle), p.turn())
	line(w, "cold start", "%s until every sensor has been asked; none where --storage.path keeps state", span(p.ColdStart))
	p.table(w)
	p.promises(w)
	fmt.Fprintln(w, "  what to change")
	advice := p.advice()
	if len(advice) == 0 {
		advice = []string{"Nothing: it fits."}
	}
	for _, text := range advice {
		wrapped(w, "    - ", text)
	}
}

// origin says where the allowance comes from.
func (p Page) origin() string {
	configured := fmt.Sprintf("%s %% of %s", count(100*p.Share), count(p.RequestsPerHour))
	if p.PerHour < 0.99*p.Share*p.RequestsPerHour {
		return "as innius has permitted; configured are " + configured
	}
	return configured
}

// line writes two columns, as check config does.
func line(w io.Writer, label, format string, args ...any) {
	wrapped(w, fmt.Sprintf("  %-18s ", label), fmt.Sprintf(format, args...))
}

// subject says which sensors the plan is for, and how they are known.
func (p Page) subject() string {
	if !p.Known.IsZero() {
		text := fmt.Sprintf("%s on %s, as known at %s", plural(p.Sensors, "sensor"), plural(p.Machines, "machine"),
			p.Known.UTC().Format("2006-01-02 15:04 UTC"))
		if p.Excluded > 0 {
			text += fmt.Sprintf("; %d more are filtered", p.Excluded)
		}
		if p.ExcludedMachines > 0 {
			text += fmt.Sprintf("; %s filtered whole", plural(p.ExcludedMachines, "machine"))
		}
		return text
	}
	text := fmt.Sprintf("%s assumed, %d a machine, ", plural(p.Sensors, "sensor"), poller.AssumedPerMachine)
	if p.Every == 0 {
		text += "which report more often than they can be asked"
	} else {
		text += fmt.Sprintf("each reporting every %s", span(p.Every))
	}
	if p.Ignored {
		text += "; filters and rules are left out"
	}
	return text
}

func (p Page) needed() string {
	if p.assumedFast() {
		return fmt.Sprintf("up to %s requests an hour: each sensor every %s (min_interval), and the lists", count(p.Needed), span(p.MinInterval))
	}
	text := count(p.Needed) + " requests an hour for every reading"
	if p.cramped() {
		text += fmt.Sprintf(", but no sensor more often than every %s (min_interval),", span(p.MinInterval))
	}
	text += " and the lists"
	if p.Unknown > 0 {
		text += fmt.Sprintf("; %s of unknown pace not counted", plural(p.Unknown, "sensor"))
	}
	return text
}

// cramped reports whether min_interval keeps sensors from being asked for each reading.
func (p Page) cramped() bool { return p.Needed < 0.99*p.Readings }

// assumedFast reports whether nothing is known of how often the sensors report.
func (p Page) assumedFast() bool { return p.Known.IsZero() && p.Every == 0 }

// turn says what the cycle does not: the time saved on slow sensors goes to the fast ones.
func (p Page) turn() string {
	switch {
	case p.Level > p.Cycle*49/50 && p.Level < p.Cycle*51/50:
		return ""
	case p.Level <= p.MinInterval:
		return fmt.Sprintf("; no sensor has to wait for another, min_interval is %s", span(p.MinInterval))
	}
	return fmt.Sprintf("; a sensor of weight 1 that reports all the time is asked every %s", span(p.Level))
}
