// Package plan shows what a rate limit buys: the figures of a poller.Plan, and what to change if it is too small.
package plan

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"innius_exporter/internal/humanize"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/schedule"
)

// Page is the plan of one account, with the settings that explain it.
type Page struct {
	poller.Plan
	RequestsPerHour float64       // as configured
	Share           float64       // part of them for the exporter
	MinInterval     time.Duration // between two polls of a sensor
	MaxInterval     time.Duration
	Known           time.Time     // when the state was saved; zero: the sensors are assumed
	Every           time.Duration // reporting interval of assumed sensors; 0: shorter than the time between two polls
	Ignored         bool          // the config has filters or rules, which cannot be applied to assumed sensors
}

const width = 110 // of a page, in characters

// Write writes the page. Errors of w are ignored: it is a terminal.
func (p Page) Write(w io.Writer) {
	humanize.Wrap(w, width, "", fmt.Sprintf("account %q: %s", p.Account, p.subject()))
	line := func(label, format string, args ...any) {
		humanize.Wrap(w, width, fmt.Sprintf("  %-18s ", label), fmt.Sprintf(format, args...))
	}
	number, duration := humanize.Number, humanize.Duration
	line("rate limit", "%s requests per hour (%s), one every %s; up to %d at once",
		number(p.PerHour), p.origin(), duration(humanize.Seconds(3600/p.PerHour)), p.Burst)
	line("fresh values", "%s", p.fresh())
	if p.Pages.Size > 0 {
		line("every reading", "%s", p.pages())
	}
	line("planned", "%s requests per hour, %s of them for lists, each read every %s",
		number(p.Planned), number(p.Lists.PerHour), duration(p.Lists.Every))
	line("cycle", "%s to poll every sensor once%s", duration(p.Cycle), p.level())
	line("cold start", "%s until every sensor has been polled; none if --storage.path saves the state", duration(p.ColdStart))
	p.groups(w)
	if len(p.MaxAges) > 0 {
		fmt.Fprintln(w, "  max-age targets")
	}
	for _, target := range p.MaxAges {
		humanize.Wrap(w, width, "    ", fmt.Sprintf("sensors[%d], max_age %s on %s: %s",
			target.Rule, duration(target.MaxAge), humanize.Plural(target.Sensors, "sensor"), p.cost(target)))
	}
	fmt.Fprintln(w, "  what to change")
	advice := p.advice()
	if len(advice) == 0 {
		advice = []string{"Nothing: the rate limit is sufficient."}
	}
	for _, text := range advice {
		humanize.Wrap(w, width, "    - ", text)
	}
}

// subject is which sensors the plan is for, and how they are known.
func (p Page) subject() string {
	if p.Known.IsZero() {
		text := fmt.Sprintf("%s assumed, %d per machine, ", humanize.Plural(p.Sensors, "sensor"), poller.AssumedPerMachine)
		if p.Every == 0 {
			text += "which report more often than they can be polled"
		} else {
			text += "each reporting every " + humanize.Duration(p.Every)
		}
		if p.Ignored {
			text += "; filters and rules are not applied"
		}
		return text
	}
	text := fmt.Sprintf("%s on %s, as known at %s",
		humanize.Plural(p.Sensors, "sensor"), humanize.Plural(p.Machines, "machine"), humanize.Time(p.Known))
	if p.Excluded > 0 {
		text += fmt.Sprintf("; %d more are excluded", p.Excluded)
	}
	if p.ExcludedMachines > 0 {
		text += fmt.Sprintf("; %s excluded as a whole", humanize.Plural(p.ExcludedMachines, "machine"))
	}
	return text
}

// origin is where the rate limit comes from.
func (p Page) origin() string {
	configured := fmt.Sprintf("%s %% of %s", humanize.Number(100*p.Share), humanize.Number(p.RequestsPerHour))
	if p.PerHour < 0.99*p.Share*p.RequestsPerHour {
		return "as innius has permitted; configured are " + configured
	}
	return configured
}

// fresh is what it takes that each reading becomes the value on /metrics.
func (p Page) fresh() string {
	needed := humanize.Number(p.Needed) + " requests per hour"
	interval := humanize.Duration(p.MinInterval)
	switch {
	case p.unknownIntervals():
		return "up to " + needed + ": every sensor once per " + interval + " (min_interval), and the lists"
	case p.bounded():
		needed += " for a poll after each reading, but no sensor more often than every " + interval + " (min_interval), and the lists"
	default:
		needed += " for a poll after each reading, and the lists"
	}
	if p.Unknown > 0 {
		needed += "; " + humanize.Plural(p.Unknown, "sensor") + " without a known interval not counted"
	}
	return needed
}

// pages is what it takes to read every reading, a page at a time, and who cannot have it.
func (p Page) pages() string {
	pages, number := &p.Pages, humanize.Number
	if p.unknownIntervals() {
		return fmt.Sprintf("3600 s / (0.9 × page_size × reporting interval) requests per hour for each sensor: with a page_size "+
			"of %d, %s for one that reports every second", pages.Size, number(3600/max(p.MinInterval.Seconds(), .9*float64(pages.Size))))
	}
	text := fmt.Sprintf("%s of %s requests per hour to poll each sensor before a page of %d is full, and the lists",
		number(pages.Needed), number(p.PerHour), pages.Size)
	switch {
	case pages.Missing == 0:
		return text + "; no reading is missed"
	case pages.Complete:
		return fmt.Sprintf("%s; %s %% of the readings are read", text, number(100*pages.Read))
	case pages.Cannot == 0:
		return fmt.Sprintf("%s; %s %% of the readings are read, refresh.complete: true would read all", text, number(100*pages.Read))
	}
	return fmt.Sprintf("%s; %s %% of the readings are read. Even with refresh.complete: true, %s some. %s",
		text, number(100*pages.Read), misses(pages.Cannot), p.sufficient())
}

// misses is a number of sensors that miss something.
func misses(sensors int) string {
	if sensors == 1 {
		return "1 sensor misses"
	}
	return humanize.Plural(sensors, "sensor") + " miss"
}

// sufficient is what would be for every reading.
func (p Page) sufficient() string {
	var all []string
	if p.Pages.SizeFor > 0 {
		all = append(all, fmt.Sprintf("page_size: %d", p.Pages.SizeFor))
	}
	if p.Pages.PerHourFor > 0 {
		all = append(all, "requests_per_hour: "+p.configured(p.Pages.PerHourFor))
	}
	if all == nil {
		return fmt.Sprintf("refresh.min_interval (%s) and the largest page_size permit no more", humanize.Duration(p.MinInterval))
	}
	return "For all of them, set " + strings.Join(all, " or ")
}

// bounded reports whether min_interval keeps sensors from being polled for each reading.
func (p Page) bounded() bool { return p.Needed < 0.99*p.Readings }

// unknownIntervals reports whether nothing is known of how often the sensors report.
func (p Page) unknownIntervals() bool { return p.Known.IsZero() && p.Every == 0 }

// level is how often fast sensors are polled, if that differs from the cycle: slow sensors leave requests to them.
func (p Page) level() string {
	switch {
	case p.Level > p.Cycle*49/50 && p.Level < p.Cycle*51/50:
		return ""
	case p.Level <= p.MinInterval:
		return "; no sensor has to wait for another, min_interval is " + humanize.Duration(p.MinInterval)
	}
	return "; a sensor of weight 1 that reports all the time is polled every " + humanize.Duration(p.Level)
}

// groups writes a table of what each group of sensors gets.
func (p Page) groups(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, sensors string, g schedule.GroupForecast) {
		age, age95 := humanize.Duration(g.Age), humanize.Duration(g.Age95)
		if g.Age == 0 {
			age, age95 = "-", "-"
		}
		fmt.Fprintf(t, "    %s\t%s\t%s\t%s\t%s\n", name, sensors, humanize.Number(g.PerHour), age, age95)
	}
	fmt.Fprintln(t, "  sensors\tnumber\trequests/h\tmean age\t95 % below")
	for _, g := range p.Groups {
		row(name(g), fmt.Sprint(g.Sensors), g)
	}
	if p.unknownIntervals() && len(p.Groups) > 0 {
		for _, every := range []time.Duration{time.Minute, 10 * time.Minute, time.Hour} {
			g := p.Forecast.Example(every)
			row(fmt.Sprintf("one that reports every %s: %s", humanize.Duration(every), g.Kind), "", g)
		}
	}
	_ = t.Flush()
}

// described is how sensors of a kind report and are polled.
var described = map[schedule.Kind]string{
	schedule.KindFast:       "fast: report more often than polled",
	schedule.KindSlow:       "slow: polled just after each reading",
	schedule.KindIrregular:  "irregular: polled at even intervals",
	schedule.KindMaxAge:     "max-age target",
	schedule.KindPage:       "page target: polled before a page is full",
	schedule.KindSilent:     "silent now: polled at even intervals",
	schedule.KindNoReadings: "no readings: polled less and less often",
	schedule.KindPending:    "pending: not polled yet",
	schedule.KindFailing:    "failing: polled with back-off",
}

func name(g schedule.GroupForecast) string {
	text := described[g.Kind]
	if g.Kind == schedule.KindMaxAge {
		text += " " + humanize.Duration(g.MaxAge)
	}
	if g.Weight != 1 {
		text += ", weight " + humanize.Number(g.Weight)
	}
	return text
}

// cost is what a max-age target takes, and whether it is met.
func (p Page) cost(target poller.PlannedMaxAge) string {
	number := humanize.Number
	switch {
	case target.Sensors == 0:
		return "no cost, no sensor matches"
	case target.PerHour == 0:
		return "no cost, none of them has ever reported"
	}
	text := fmt.Sprintf("%s requests per hour (%s %%)", number(target.PerHour), number(100*target.PerHour/p.PerHour))
	if target.Extra < target.PerHour/100 {
		text += ", no more than without it"
	} else if target.Extra < target.PerHour*.99 {
		text += ", " + number(target.Extra) + " more than without it"
	}
	switch {
	case target.Met() && target.Slower > 0:
		return text + fmt.Sprintf(", met as far as possible: %d report less often", target.Slower)
	case target.Met():
		return text + ", met"
	case target.Relaxed > 1:
		return text + ", NOT met: relaxed to " + humanize.Duration(target.Fits()) + ", " + number(target.Relaxed) + " times as long"
	}
	return text + ", NOT met: min_interval is " + humanize.Duration(target.Floor)
}

// advice is what to change if the rate limit is too small, the largest effect first.
func (p Page) advice() (all []string) {
	add := func(apply bool, format string, args ...any) {
		if apply {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	plural, number, duration := humanize.Plural, humanize.Number, humanize.Duration
	sensors, _ := p.of(schedule.KindPending)
	add(sensors > 0, "%s not polled yet: these figures lack their intervals and targets. Plan again when every sensor was polled.",
		plural(sensors, "sensor"))
	all = append(all, p.unseen()...)
	add(p.Pages.Complete && p.Pages.Missing > 0, "%s readings although refresh.complete is true, which polls those first "+
		"that take the fewest requests. %s.", misses(p.Pages.Missing), p.sufficient())
	all = append(all, p.relaxed()...)
	for _, t := range p.MaxAges {
		add(t.Floor > 0 && t.Sensors > 0, "The max_age of %s in sensors[%d] is shorter than refresh.min_interval (%s). Only a lower "+
			"min_interval can meet it.", duration(t.MaxAge), t.Rule, duration(t.Floor))
	}
	add(p.Lists.Limited(), "Discovery may take %s %% of the requests, so lists are read every %s instead of every %s, and new "+
		"sensors are found later. Exclude machines, or set requests_per_hour: %s.", number(100*p.Lists.Most()),
		duration(p.Lists.Every), duration(p.Lists.Interval), p.configured(p.Lists.Wanted/p.Lists.Most()))
	add(p.Level > p.MaxInterval+p.MaxInterval/100, "refresh.max_interval (%s) cannot be met: fast sensors are polled every %s.",
		duration(p.MaxInterval), duration(p.Level))
	sensors, perHour := p.of(schedule.KindNoReadings)
	add(perHour >= 0.01*p.PerHour, "%s never reported. To exclude them saves %s requests per hour.",
		plural(sensors, "sensor"), number(perHour))
	sensors, perHour = p.of(schedule.KindFailing)
	add(sensors > 0, "%s cannot be polled, see /status of the exporter. To exclude them saves %s requests per hour.",
		plural(sensors, "sensor"), number(perHour))
	for _, s := range p.Stale {
		add(true, "The values of %s get up to %s old, but stale_after removes them at %s: make it longer, or they come and go.",
			plural(s.Sensors, "sensor"), duration(s.Age), duration(s.StaleAfter))
	}
	return all
}

// of adds up the sensors of a kind and the requests per hour that they take.
func (p Page) of(kind schedule.Kind) (sensors int, perHour float64) {
	for _, g := range p.Groups {
		if g.Kind == kind {
			sensors, perHour = sensors+g.Sensors, perHour+g.PerHour
		}
	}
	return sensors, perHour
}

// configured is the requests_per_hour that gives the exporter so many.
func (p Page) configured(perHour float64) string { return humanize.NumberUp(perHour / p.Share) }

// unseen is which readings never become a value because of the rate limit.
func (p Page) unseen() []string {
	if p.Needed <= p.PerHour {
		return nil
	}
	seen := fmt.Sprintf("Of %s readings per hour %s become the value on /metrics.",
		humanize.Number(p.Readings), humanize.Number(p.Seen))
	if p.unknownIntervals() {
		seen = fmt.Sprintf("Readings between two polls, %s apart, do not become the value on /metrics.", humanize.Duration(p.Level))
	}
	all := "To poll after each of them"
	if p.bounded() {
		all = fmt.Sprintf("To poll after each of them, or every %s (min_interval),", humanize.Duration(p.MinInterval))
	}
	return []string{fmt.Sprintf("%s %s takes requests_per_hour: %s. With the limit as it is, exclude sensors that you do not need "+
		"(discovery.sensors.exclude), and give those that matter a weight or a max_age.", seen, all, p.configured(p.Needed))}
}

// relaxed is what would meet the max-age targets that are relaxed.
func (p Page) relaxed() []string {
	var wanted float64
	longest := poller.PlannedMaxAge{Relaxed: 1}
	for _, t := range p.MaxAges {
		if wanted += t.Wanted; t.Relaxed > longest.Relaxed && t.Sensors > 0 {
			longest = t
		}
	}
	if longest.Sensors == 0 {
		return nil
	}
	others := ""
	if len(p.MaxAges) > 1 {
		others = " and the others in proportion"
	}
	share := schedule.MaxAgeShare
	return []string{fmt.Sprintf("The max-age targets need %s requests per hour and may take %s (%s %% of those for polls), so each "+
		"becomes %s times as long. To meet them, set a max_age of %s instead of %s in sensors[%d]%s, apply them to fewer sensors, or "+
		"set requests_per_hour: %s.",
		humanize.Number(wanted), humanize.Number(share*p.ForPolls()), humanize.Number(100*share), humanize.Number(longest.Relaxed),
		strings.ReplaceAll(humanize.DurationUp(longest.Fits()), " ", ""), humanize.Duration(longest.MaxAge), longest.Rule, others,
		p.configured(p.WithLists(wanted/share)))}
}
