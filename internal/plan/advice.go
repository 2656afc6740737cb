package plan

import (
	"fmt"
	"strings"

	"innius_exporter/internal/humanize"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/schedule"
)

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

// unseen is which readings are missed because of the rate limit.
func (p Page) unseen() []string {
	if p.Needed <= p.PerHour {
		return nil
	}
	seen := fmt.Sprintf("Of %s readings per hour %s are seen.", humanize.Number(p.Readings), humanize.Number(p.Seen))
	if p.unknownIntervals() {
		seen = fmt.Sprintf("Readings between two polls, %s apart, are not seen.", humanize.Duration(p.Level))
	}
	all := "To see all of them"
	if p.bounded() {
		all = fmt.Sprintf("To poll each sensor for every reading, or every %s (min_interval),", humanize.Duration(p.MinInterval))
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
		p.configured(p.withLists(wanted/share)))}
}

// withLists is the rate limit that leaves so many requests per hour for polls: the lists take what they want, up to their share.
func (p Page) withLists(forPolls float64) float64 {
	return min(forPolls+p.Lists.Wanted, forPolls/(1-p.Lists.Most()))
}
