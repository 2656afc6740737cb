package poller

import (
	"fmt"
	"time"

	"innius_exporter/internal/humanize"

	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/reading"

	"innius_exporter/innius"
)

// look is one look at a sensor of a machine.
type look struct {
	now                     time.Time
	machine                 *inventory.Machine
	staleAfter, silentAfter time.Duration
	next                    upcoming
}

// theirs is the moment by the API's clock.
func (l *look) theirs() time.Time { return l.machine.APITime(l.now) }

// whySensor says in words why a sensor's value is not on /metrics, or what is wrong with it; empty where nothing is.
func whySensor(s *inventory.Sensor, o *reading.Record, l *look, status SensorStatus) string {
	switch status {
	case SensorExcluded:
		if s.PolledBy != "" {
			return fmt.Sprintf("Polled by account %s; its value is on /metrics once, as %s / %s / %s",
				s.PolledBy, l.machine.CompanyLabel, l.machine.Label, s.Label)
		}
		return "Excluded: " + s.FilteredBy
	case SensorFailing:
		return l.whyFailing(o)
	case SensorPending:
		return l.whyWaiting(o)
	case SensorUnreadable:
		return unreadable(o.Unusable)
	case SensorNoReadings:
		return "No readings: innius had none when it was last polled, at " + humanize.TimeAndDistance(o.LastSuccess, l.now)
	case SensorSilent:
		return fmt.Sprintf("Silent: no new reading for more than %s when it was last polled, at %s",
			humanize.Duration(l.silentAfter), humanize.TimeAndDistance(o.LastSuccess, l.now))
	case SensorDelayed:
		return "Delayed: last polled at " + humanize.TimeAndDistance(o.LastSuccess, l.now) + "; the next poll was planned for " +
			humanize.TimeAndDistance(o.Planned, l.now)
	case SensorStale:
		return l.whyStale(s, o)
	}
	return ""
}

// whyFailing repeats what innius answered.
func (l *look) whyFailing(o *reading.Record) string {
	next, now := &l.next, l.now
	text := "cannot be read: " + o.Failure
	if !o.FailingSince.IsZero() {
		text += "; so since " + humanize.TimeAndDistance(o.FailingSince, now)
	}
	if o.Failures > 1 {
		text += fmt.Sprintf(", %d times in a row", o.Failures)
	}
	if !next.at.IsZero() {
		text += "; asked again at about " + humanize.TimeAndDistance(next.at, now)
	}
	switch {
	case o.Time.IsZero():
		return text
	case o.Exposed(l.staleAfter, l.theirs()):
		return text + "; its last value stays on /metrics until " + humanize.TimeAndDistance(o.Time.Add(l.staleAfter), l.theirs())
	}
	return text + "; its last value is stale since " + humanize.TimeAndDistance(o.Time.Add(l.staleAfter), l.theirs())
}

func (l *look) whyWaiting(r *reading.Record) string {
	next, text := &l.next, "Pending: not polled yet"
	if r.Failure != "" {
		text = "Pending: not polled with success yet: " + r.Failure
	}
	switch {
	case next.waits == WaitsForResponse:
		return text + "; the request is running"
	case next.at.IsZero():
		return text
	case next.waits == WaitsForPause:
		text += ", account paused"
	}
	text += "; expected at about " + humanize.TimeAndDistance(next.at, l.now)
	if next.ahead > 0 {
		text += ", after " + humanize.Plural(next.ahead, "other sensor")
	}
	return text
}

func (l *look) whyStale(s *inventory.Sensor, o *reading.Record) string {
	now := l.now
	if o.Time.IsZero() {
		return "never reported: innius had no reading of it when it was asked last, at " + humanize.TimeAndDistance(o.LastSuccess, now)
	}
	since, by := o.Time.Add(l.staleAfter), "stale_after"
	if s.Rule.StaleAfter > 0 {
		by = "stale_after of its rule"
	}
	text := fmt.Sprintf("stale since %s: its newest reading, of %s, is older than %s (%s)",
		humanize.TimeAndDistance(since, l.theirs()), o.Time.UTC().Format(time.RFC3339), humanize.Duration(l.staleAfter), by)
	if l.machine.APITime(o.LastSuccess).After(since) {
		return text + "; innius had nothing newer at " + humanize.TimeAndDistance(o.LastSuccess, now)
	}
	return text + "; not asked since " + humanize.TimeAndDistance(o.LastSuccess, now)
}

func unreadable(r innius.Reading) string {
	switch hint := r.Hint(); r.Skip {
	case innius.SkipTime:
		if hint != "" {
			return "the time of its readings is not understood: " + r.Shown() + "; fields.time_zone in the config names their time zone"
		}
		return "the time of its readings is not understood: " + r.Shown() + "; fields.time in the config chooses another field"
	case innius.SkipFuture:
		return "its newest reading is more than 5 min ahead of the API's clock: " + r.Time.UTC().Format(time.RFC3339)
	case innius.SkipText:
		if hint != "" {
			return "its newest reading is no number: " + r.Shown() + "; endpoints.values in the config may request another form"
		}
		return "its newest reading is the text " + r.Shown() + "; a rule under sensors: may map it to a number (values)"
	}
	return "its newest reading is no number: " + r.Text
}

// machineNote says why a machine has no sensors, or what is wrong with their list; empty where nothing is.
func machineNote(m *inventory.Machine, h *health) string {
	failure := h.lists[m.ID]
	switch {
	case m.FilteredBy != "":
		return "filtered: " + m.FilteredBy
	case failure != "" && !m.ListedAt.IsZero():
		return "its sensors cannot be listed: " + failure + "; shown are those of " + m.ListedAt.UTC().Format(time.RFC3339)
	case failure != "":
		return "its sensors cannot be listed: " + failure
	case m.ListedAt.IsZero() && h.settled:
		return "its sensors have not been listed yet"
	case m.ListedAt.IsZero():
		return fmt.Sprintf("its sensors have not been listed yet: %d of %d lists have been asked for", h.discovery.Asked, h.discovery.Lists)
	case len(m.Sensors) == 0 && m.ExposedBy != "":
		return "innius lists no sensor for it here; account " + m.ExposedBy + " lists it too"
	case len(m.Sensors) == 0:
		return "innius lists no sensor for it"
	}
	return ""
}
