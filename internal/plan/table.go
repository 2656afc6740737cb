package plan

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/schedule"
)

// table says what each group of sensors gets.
func (p Page) table(w io.Writer) {
	var text strings.Builder
	t := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  sensors\tnumber\trequests/h\tmean age\t95 % below")
	for _, g := range p.Groups {
		row(t, groupName(g), fmt.Sprint(g.Sensors), g)
	}
	if p.assumedFast() && len(p.Groups) > 0 {
		for _, every := range []time.Duration{time.Minute, 10 * time.Minute, time.Hour} {
			g := p.Example(every)
			row(t, fmt.Sprintf("one that reports every %s: %s", span(every), g.Kind), "", g)
		}
	}
	_ = t.Flush() // into memory
	for l := range strings.Lines(text.String()) {
		fmt.Fprintln(w, strings.TrimRight(l, " \n"))
	}
}

func row(w io.Writer, name, number string, g schedule.GroupForecast) {
	age, age95 := span(g.Age), span(g.Age95)
	if g.Age == 0 {
		age, age95 = "-", "-"
	}
	fmt.Fprintf(w, "    %s\t%s\t%s\t%s\t%s\n", name, number, count(g.PerHour), age, age95)
}

// treated says how sensors of a pace are asked.
var treated = map[schedule.Kind]string{
	schedule.KindFast:       "fast: report more often than asked",
	schedule.KindSlow:       "slow: asked just after each reading",
	schedule.KindIrregular:  "irregular: asked in turn",
	schedule.KindMaxAge:     "promised",
	schedule.KindSilent:     "silent now: asked in turn",
	schedule.KindNoReadings: "never reported: asked more and more seldom",
	schedule.KindPending:    "not asked yet: nothing is known of them",
	schedule.KindFailing:    "failing: tried with back-off",
}

func groupName(g schedule.GroupForecast) string {
	name := treated[g.Kind]
	if g.Kind == schedule.KindMaxAge {
		name += " " + span(g.MaxAge)
	}
	if g.Weight != 1 {
		name += ", weight " + count(g.Weight)
	}
	return name
}

// promises says what each max_age costs.
func (p Page) promises(w io.Writer) {
	if len(p.MaxAges) == 0 {
		return
	}
	fmt.Fprintln(w, "  promises")
	for _, promise := range p.MaxAges {
		wrapped(w, "    ", fmt.Sprintf("rule %d, max_age %s on %s: %s", promise.Rule, span(promise.MaxAge), plural(promise.Sensors, "sensor"),
			p.cost(promise)))
	}
}

func (p Page) cost(promise poller.PlannedMaxAge) string {
	if promise.Sensors == 0 {
		return "costs nothing, no sensor matches"
	}
	if promise.PerHour == 0 {
		return "costs nothing, none of them has ever reported"
	}
	text := fmt.Sprintf("costs %s requests an hour (%s %%)", count(promise.PerHour), count(100*promise.PerHour/p.PerHour))
	if promise.Extra < promise.PerHour/100 {
		text += ", no more than without it"
	} else if promise.Extra < promise.PerHour*.99 {
		text += fmt.Sprintf(", %s more than without it", count(promise.Extra))
	}
	if promise.Met() {
		return text + ", kept" + slower(promise)
	}
	if promise.Relaxed > 1 {
		return text + fmt.Sprintf(", NOT kept: stretched %s times, to %s", count(promise.Relaxed), span(promise.Fits()))
	}
	return text + fmt.Sprintf(", NOT kept: min_interval is %s", span(promise.Floor))
}

// slower says that no request can make a sensor report.
func slower(promise poller.PlannedMaxAge) string {
	if promise.Slower == 0 {
		return ""
	}
	return fmt.Sprintf(" as far as can be: %d report more seldom", promise.Slower)
}
