package app

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"innius_exporter/internal/config"
	"innius_exporter/internal/humanize"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/schedule"
	"innius_exporter/internal/remotewrite"
)

// writeReceiver writes what a receiver will get, as far as it is known. Errors of w are ignored: it is a terminal.
func writeReceiver(w io.Writer, r *config.RemoteWrite, accounts []config.Account, plans []poller.Plan) {
	most := 0.0 // per day
	for _, a := range accounts {
		most += 24 * a.RateLimit.Own() * float64(a.PageSize)
	}
	perDay, readings := most, humanize.Number(most)+" per day at most: a page of new ones with each request"
	if planned, sensors := plannedPerDay(plans); sensors > 0 {
		perDay = planned
		of := humanize.Plural(sensors, "sensor")
		readings = fmt.Sprintf("%s per day as planned, of %s; %s", humanize.Number(planned), of, readings)
	}
	names := []string{"company", "machine", "sensor"}
	for _, name := range slices.Sorted(maps.Keys(r.ExternalLabels)) {
		names = append(names, name+"="+strconv.Quote(r.ExternalLabels[name]))
	}
	lasts := humanize.Seconds(86400 * float64(r.Spool) / (remotewrite.MaxReadingBytes * perDay)).Truncate(time.Minute)
	humanize.Wrap(w, 110, "", fmt.Sprintf("receiver %q: %s", r.Name, r.URL))
	humanize.Wrap(w, 110, "  readings           ", readings)
	humanize.Wrap(w, 110, "  labels             ", strings.Join(names, ", "))
	humanize.Wrap(w, 110, "  spool              ",
		fmt.Sprintf("%s, enough for an outage of at least %s", r.Spool, humanize.Duration(lasts)))
}

// plannedPerDay returns how many readings the plans bring, and of how many sensors. Those without a known interval do not count.
func plannedPerDay(plans []poller.Plan) (readings float64, sensors int) {
	for _, made := range plans {
		for task, o := range made.Outlooks {
			if task.Sensor.Rule.RemoteWrite && o.Kind != schedule.KindFailing && o.Period > 0 && o.PerHour > 0 {
				readings, sensors = readings+86400/o.Period*o.Read, sensors+1
			}
		}
	}
	return readings, sensors
}
