package plan

import (
	"fmt"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/schedule"
)

// advice says what to change where the allowance does not reach: the dearest first.
func (p Page) advice() (all []string) {
	for _, text := range []string{p.waiting(), p.unseen(), p.stretched(), p.floors(), p.lists(), p.seldom(), p.never(), p.failing()} {
		if text != "" {
			all = append(all, text)
		}
	}
	for _, s := range p.Stale {
		all = append(all, fmt.Sprintf("The values of %s get up to %s old, but stale_after takes them away at %s: make it longer, or they come and go.",
			plural(s.Sensors, "sensor"), span(s.Age), span(s.StaleAfter)))
	}
	return all
}

// configured is the requests_per_hour in the config that gives the exporter so many.
func (p Page) configured(perHour float64) string { return upwards(perHour / p.Share) }

// waiting says that a plan from the middle of a cold start is none yet.
func (p Page) waiting() string {
	sensors, _ := p.of(schedule.KindPending)
	if sensors == 0 {
		return ""
	}
	return fmt.Sprintf("%s not been asked yet, so their paces and promises are not in these figures: plan again when all have.",
		have(sensors, "sensor"))
}

// unseen says what readings are missed where the allowance is the reason.
func (p Page) unseen() string {
	if p.Needed <= p.PerHour {
		return ""
	}
	what := fmt.Sprintf("Of %s readings an hour %s are seen.", count(p.Readings), count(p.Seen))
	if p.assumedFast() {
		what = fmt.Sprintf("Readings between two requests, %s apart, are not seen.", span(p.Level))
	}
	every := "To ask for each one"
	if p.cramped() {
		every = fmt.Sprintf("To ask as often as they come, or every %s (min_interval),", span(p.MinInterval))
	}
	return what + fmt.Sprintf(" %s takes requests_per_hour: %s. With what there is, exclude sensors that nobody looks at "+
		"(discovery.sensors.exclude), and give those that matter a weight or a max_age.", every, p.configured(p.Needed))
}

// stretched says what would fit where promises take more than they may.
func (p Page) stretched() string {
	var asked, factor float64
	example := poller.PlannedMaxAge{}
	for _, promise := range p.MaxAges {
		if asked += promise.Wanted; promise.Relaxed > factor && promise.Sensors > 0 {
			factor, example = promise.Relaxed, promise
		}
	}
	if factor <= 1 {
		return ""
	}
	return fmt.Sprintf("The promises take %s requests an hour and may take %s (%s %% of those for readings), so each becomes %s times as long. "+
		"They fit with a max_age of %s instead of %s in rule %d%s, on fewer sensors, or with requests_per_hour: %s.",
		count(asked), count(schedule.MaxAgeShare*p.ForPolls()), count(100*schedule.MaxAgeShare), count(factor),
		longer(example.Fits()), span(example.MaxAge), example.Rule, p.others(), p.configured(p.withLists(asked/schedule.MaxAgeShare)))
}

// withLists is the allowance of which so many requests per hour are left for readings: the lists take what they want, or
// their most.
func (p Page) withLists(forReadings float64) float64 {
	return min(forReadings+p.Lists.Wanted, forReadings/(1-p.Lists.Most()))
}

func (p Page) others() string {
	if len(p.MaxAges) == 1 {
		return ""
	}
	return " and the others in proportion"
}

// floors says where min_interval stands in the way of a promise.
func (p Page) floors() (text string) {
	for _, promise := range p.MaxAges {
		if promise.Floor > 0 && promise.Sensors > 0 {
			text = fmt.Sprintf("The max_age of %s in rule %d is shorter than refresh.min_interval (%s): lower that, or it cannot be kept.",
				span(promise.MaxAge), promise.Rule, span(promise.Floor))
		}
	}
	return text
}

// lists says how far discovery is stretched.
func (p Page) lists() string {
	if !p.Lists.Limited() {
		return ""
	}
	return fmt.Sprintf("Discovery may take %s %% of the allowance, so that lists are read every %s, not every %s: something new is seen that late. "+
		"Exclude machines, or set requests_per_hour: %s.", count(100*p.Lists.Most()), span(p.Lists.Every), span(p.Lists.Interval),
		p.configured(p.Lists.Wanted/p.Lists.Most()))
}

// seldom says that max_interval cannot be held.
func (p Page) seldom() string {
	if p.Level <= p.MaxInterval+p.MaxInterval/100 {
		return ""
	}
	return fmt.Sprintf("refresh.max_interval (%s) cannot be held: the turn of %s is longer.", span(p.MaxInterval), span(p.Level))
}

// never says what is spent on sensors that give nothing.
func (p Page) never() string {
	sensors, perHour := p.of(schedule.KindNoReadings)
	if perHour < 0.01*p.PerHour {
		return ""
	}
	return fmt.Sprintf("%s never reported: to exclude them saves %s requests an hour.", plural(sensors, "sensor"), count(perHour))
}

func (p Page) failing() string {
	sensors, perHour := p.of(schedule.KindFailing)
	if sensors == 0 {
		return ""
	}
	return fmt.Sprintf("%s cannot be read, the exporter's /status says why: to exclude them saves %s requests an hour.",
		plural(sensors, "sensor"), count(perHour))
}

// of adds up the sensors of a pace and the requests per hour that they take.
func (p Page) of(pace schedule.Kind) (sensors int, perHour float64) {
	for _, g := range p.Groups {
		if g.Kind == pace {
			sensors, perHour = sensors+g.Sensors, perHour+g.PerHour
		}
	}
	return sensors, perHour
}
