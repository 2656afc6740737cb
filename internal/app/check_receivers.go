package app

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"innius_exporter/internal/config"
	"innius_exporter/internal/humanize"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/schedule"
	"innius_exporter/internal/remotewrite"
)

// load is what receivers get.
type load struct {
	readings, bytes float64 // per hour; the bytes are those in a spool, with the longest labels
	sensors         int     // of which the readings are
	unknown         int     // sensors that may add to it: their reporting interval is not known
	appended        int64   // bytes of one poll in a spool, at most
}

// heaviest is the load if every request is a poll and brings a page of new readings.
func heaviest(accounts []config.Account) (l load) {
	for _, a := range accounts {
		page := remotewrite.SpoolBytes(a.PageSize, inventory.MaxLabel)
		l.readings += a.RateLimit.Own() * float64(a.PageSize)
		l.bytes += a.RateLimit.Own() * float64(page)
		l.appended = max(l.appended, page)
	}
	return l
}

// planned is the load as planned, with all readings as numbers.
func planned(plans []poller.Plan) (l load) {
	for _, made := range plans {
		for task, o := range made.Outlooks {
			perHour := 3600 / o.Period * o.Read
			polls := min(o.PerHour, perHour) // that bring a new one
			switch {
			case !task.Sensor.Rule.RemoteWrite, o.Kind == schedule.KindFailing:
			case o.Period == 0:
				l.unknown++
			case polls > 0:
				one := remotewrite.SpoolBytes(int(math.Ceil(perHour/polls)), inventory.MaxLabel)
				l.readings, l.bytes, l.sensors = l.readings+perHour, l.bytes+polls*float64(one), l.sensors+1
				l.appended = max(l.appended, one)
			}
		}
	}
	return l
}

// lasts is for how long a full spool holds the load, rounded down.
func (l load) lasts(spool int64) string {
	d, unit := humanize.Seconds(float64(remotewrite.Kept(spool, l.appended))/l.bytes*3600), time.Minute
	if d >= 24*time.Hour {
		unit = time.Hour
	}
	return humanize.Duration(d.Truncate(unit))
}

// writeReceiver writes what a receiver will get, as far as it is known. Errors of w are ignored: it is a terminal.
func writeReceiver(w io.Writer, r *config.RemoteWrite, accounts []config.Account, plans []poller.Plan) {
	line := func(label, format string, args ...any) {
		humanize.Wrap(w, 110, fmt.Sprintf("  %-18s ", label), fmt.Sprintf(format, args...))
	}
	most, plan := heaviest(accounts), planned(plans)
	readings := fmt.Sprintf("at most %s per day, if every request brings a page of new ones (%s)",
		humanize.Number(24*most.readings), pages(accounts))
	lasts := fmt.Sprintf("%s at that maximum", most.lasts(int64(r.Spool)))
	if plan.sensors > 0 {
		readings = fmt.Sprintf("%s per day as planned, of %s; ", humanize.Number(24*plan.readings), humanize.Plural(plan.sensors, "sensor")) +
			readings
		lasts = fmt.Sprintf("%s as planned, and ", plan.lasts(int64(r.Spool))) + lasts
	}
	if plan.unknown > 0 {
		readings += "; " + humanize.Plural(plan.unknown, "sensor") + " without a known interval not counted"
	}
	humanize.Wrap(w, 110, "", fmt.Sprintf("receiver %q: %s", r.Name, r.URL))
	line("readings", "%s", readings)
	line("labels", "%s", strings.Join(append([]string{"company", "machine", "sensor"}, labels(r.ExternalLabels)...), ", "))
	line("spool", "%s, enough for an outage of at least %s; counted with labels of %d bytes each", r.Spool, lasts, inventory.MaxLabel)
}

// labels are external labels in order, as in PromQL.
func labels(external map[string]string) (all []string) {
	for _, name := range slices.Sorted(maps.Keys(external)) {
		all = append(all, name+"="+strconv.Quote(external[name]))
	}
	return all
}

// pages is how the most readings are computed.
func pages(accounts []config.Account) string {
	var all []string
	for _, a := range accounts {
		all = append(all, fmt.Sprintf("%s × page_size %d", humanize.Number(a.RateLimit.Own()), a.PageSize))
	}
	return strings.Join(all, " + ") + " per hour"
}
