package status

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"innius_exporter/internal/humanize"
	"innius_exporter/internal/poller"
)

// pageRoom is how many times the readings of the planned time between two polls a page should hold: polls may be late.
const pageRoom = 1.25

// missedReadings describes the gaps of a sensor, in which readings were missed: their share of the time since the first that is
// kept, and what to set against them while they go on. Empty if there is none.
func missedReadings(a *poller.AccountView, o *poller.SensorView) string {
	gaps := o.Missed.All()
	if len(gaps) == 0 {
		return ""
	}
	var inGaps time.Duration
	for _, gap := range gaps {
		inGaps += gap.To.Sub(gap.From)
	}
	since, last := gaps[0].From, gaps[len(gaps)-1].To
	share := min(1, inGaps.Seconds()/max(inGaps, o.Newest().Sub(since)).Seconds())
	text := fmt.Sprintf("Readings missed in %s %% of the time since %s", humanize.Number(100*share), humanize.Time(since))
	every, covers := o.PlannedGap, humanize.Seconds(o.Record.Interval.Covers(a.PageSize))
	switch {
	case !o.Record.Overflow:
		return text + ", none since " + humanize.Time(last)
	case covers == 0 || every <= 0:
		return text
	}
	text += fmt.Sprintf(": polled every %s, a page covers %s", humanize.Duration(every), humanize.Duration(covers))
	needed := pageRoom * float64(a.PageSize) * every.Seconds() / covers.Seconds()
	larger := slices.IndexFunc(poller.PageSizes, func(size int) bool { return float64(size) >= needed })
	switch {
	case needed <= float64(a.PageSize): // a late poll, or a pause
		return text
	case larger >= 0 && a.PageSize >= a.PageSizeSet: // the API has not limited pages
		return fmt.Sprintf("%s; set page_size: %d", text, poller.PageSizes[larger])
	case every < covers:
		return text
	case !a.Complete:
		return text + "; set refresh.complete: true, or " + maxAge(covers)
	}
	return text + "; the rate limit permits no more: exclude sensors, or set " + maxAge(covers)
}

// maxAge is a target that polls a sensor before its page overflows.
func maxAge(covers time.Duration) string {
	target := covers * 9 / 10
	for _, unit := range []time.Duration{time.Hour, time.Minute, time.Second} {
		if target >= 10*unit {
			target = target.Truncate(unit)
			break
		}
	}
	return "max_age: " + strings.ReplaceAll(humanize.Duration(target), " ", "") + " in a rule for it"
}
