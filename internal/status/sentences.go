package status

import (
	"fmt"
	"time"

	"innius_exporter/internal/humanize"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/inventory"
)

// failures are the sentences for the reasons of a failure.
var failures = map[string]string{
	"key":              "the key is refused or cannot be read",
	"network":          "innius cannot be reached",
	"server":           "innius reports errors of its own (5xx)",
	"invalid_response": "innius refuses the requests (400, 403, 404) or redirects them, or its responses cannot be used",
}

// pauses are the sentences for the reasons of a pause.
var pauses = map[string]string{
	"limit":       "rate limited (429)",
	"unavailable": "innius is unavailable (503)",
	"key":         "then the key is tried again",
	"outage":      "then innius is tried again",
}

// health describes whether the account is up; if not, why, since when, and what follows.
func health(a *poller.AccountView, now time.Time) string {
	text := "Up"
	switch {
	case a.Failure != "":
		text = fmt.Sprintf("Down since %s: %s", humanize.TimeAndDistance(a.FailingSince, now), failures[a.Failure])
	case !a.Responded:
		text = "No response yet"
	}
	if !a.PausedUntil.IsZero() {
		text += fmt.Sprintf("; paused until %s: %s", humanize.TimeAndDistance(a.PausedUntil, now), pauses[a.PauseReason])
	}
	return text
}

// plan describes what the rate limit buys, once the first discovery has ended: before, too few sensors are known.
func plan(a *poller.AccountView) string {
	sensors := humanize.Grouped(humanize.Plural(a.Sensors, "sensor"))
	switch {
	case a.Sensors == 0:
		return "No sensor to poll"
	case a.Demand > 0 && a.Demand <= a.ForPolls:
		return fmt.Sprintf("A poll follows each reading: %s of %s requests per hour are needed for %s", perHour(a.Demand),
			perHour(a.ForPolls), sensors)
	}
	return fmt.Sprintf("Values get up to about %s old, or as old as their reporting interval: %s requests per hour for %s",
		humanize.Duration(a.Cycle), perHour(a.ForPolls), sensors)
}

func perHour(n float64) string { return humanize.Grouped(humanize.Number(n)) }

// discovery describes how old the inventory is, or the progress of the first discovery.
func discovery(a *poller.AccountView, now time.Time) string {
	switch {
	case a.Verified.IsZero() && (a.Settled || a.Failure != ""):
		return "The list of machines could not be read yet"
	case a.Settled && len(a.ListErrors) > 0:
		return fmt.Sprintf("The sensors of %s cannot be listed; every other list was read at or after %s",
			humanize.Plural(len(a.ListErrors), "machine"), humanize.TimeAndDistance(a.Verified, now))
	case a.Settled:
		return "Every list was read at or after " + humanize.TimeAndDistance(a.Verified, now)
	case a.Lists < 2:
		return "First discovery running: the company of the key is not known yet"
	case a.Lists == 2 && a.ListsRead < 2:
		return "First discovery running: the list of machines is not known yet"
	}
	left := humanize.Seconds(2 * float64(a.Lists-a.ListsRead) / a.RequestsPerHour * 3600) // half of the requests are polls
	return fmt.Sprintf("First discovery running: %d of %d lists read, the others in about %s; their sensors are not known yet",
		a.ListsRead, a.Lists, humanize.Duration(left))
}

func remarks(a *poller.AccountView) (all []string) {
	if a.ClocksDiffer {
		all = append(all, fmt.Sprintf("The clocks of this machine and of the API differ by %s; ages are judged by the API's clock",
			humanize.Duration(a.ClockDifference.Abs())))
	}
	if a.KeyProblem != "" {
		all = append(all, "The key file has no usable key, so a restart would fail: "+a.KeyProblem)
	}
	if a.NoReadings {
		all = append(all, poller.NoReadings)
	}
	for _, r := range a.Remarks {
		all = append(all, fmt.Sprintf("%s (first seen at sensor %q of machine %q)", r.Remark, r.Sensor, r.Machine))
	}
	return all
}

// note explains why a machine has no sensors, or what is wrong with their list; empty if nothing is.
func note(m *inventory.Machine, a *poller.AccountView) string {
	failure := a.ListErrors[m.ID]
	switch {
	case m.FilteredBy != "":
		return "Excluded: " + m.FilteredBy
	case failure != "" && !m.ListedAt.Load().IsZero():
		return "Cannot list its sensors: " + failure + "; shown are those of " + humanize.Time(a.ListedAt(m))
	case failure != "":
		return "Cannot list its sensors: " + failure
	case m.ListedAt.Load().IsZero():
		return "Its sensors are not listed yet"
	case len(m.Sensors) == 0 && m.ExposedBy != "":
		return "innius lists no sensor for it here; account " + m.ExposedBy + " lists it, too"
	case len(m.Sensors) == 0:
		return "innius lists no sensor for it"
	}
	return ""
}

// reason explains the status of a sensor; empty if it is current and its latest poll succeeded.
func reason(v *poller.View, s *inventory.Sensor, o *poller.SensorView, next *poller.Upcoming) string {
	text := explain(v, s, o, next)
	if o.Failure == "" || o.Status == poller.SensorFailing || o.Status == poller.SensorPending || o.Status == poller.SensorExcluded {
		return text
	}
	failed := fmt.Sprintf("atest poll failed at %s: %s", humanize.TimeAndDistance(o.LastFailure, v.At), o.Failure)
	if text == "" {
		return "L" + failed
	}
	return text + "; l" + failed
}

// explain explains the status of a sensor; empty if it is current.
func explain(v *poller.View, s *inventory.Sensor, o *poller.SensorView, next *poller.Upcoming) string {
	polled := func() string { return "last polled at " + humanize.TimeAndDistance(o.LastSuccess, v.At) }
	switch o.Status {
	case poller.SensorExcluded:
		if s.Excluded.PolledBy != "" {
			return fmt.Sprintf("Excluded: account %s polls it; its value is on /metrics once, as %s / %s / %s",
				s.Excluded.PolledBy, s.Machine.CompanyLabel, s.Machine.Label, s.Label)
		}
		return "Excluded: " + s.Excluded.FilteredBy
	case poller.SensorPending:
		return pending(o, next, v.At)
	case poller.SensorFailing:
		return failing(v, s, o, next)
	case poller.SensorUnreadable:
		return "Unreadable: " + poller.Unreadable(o.Unusable)
	case poller.SensorNoReadings:
		return "No readings: innius had none when it was " + polled()
	case poller.SensorStale:
		return stale(v, s, o)
	case poller.SensorSilent:
		return fmt.Sprintf("Silent: no new reading for more than %s when it was %s", humanize.Duration(o.SilentAfter), polled())
	case poller.SensorDelayed:
		text := "Delayed: " + blocked(v.Accounts[s.Machine.Account], v.At)
		if o.PlannedGap == 0 {
			return text + polled()
		}
		return text + "poll planned for " + humanize.TimeAndDistance(o.Planned(), v.At)
	}
	return ""
}

// blocked describes why and since when the account polls nothing; empty if it polls.
func blocked(a *poller.AccountView, now time.Time) string {
	switch {
	case a.Failure != "":
		return fmt.Sprintf("%s, since %s; ", failures[a.Failure], humanize.TimeAndDistance(a.FailingSince, now))
	case !a.PausedUntil.IsZero():
		return fmt.Sprintf("account paused until %s; ", humanize.TimeAndDistance(a.PausedUntil, now))
	}
	return ""
}

func pending(o *poller.SensorView, next *poller.Upcoming, now time.Time) string {
	text := "Pending: not polled yet"
	if o.Failure != "" {
		text = "Pending: no successful poll yet: " + o.Failure
	}
	switch {
	case next.WaitsFor == poller.WaitsForResponse:
		return text + "; request running"
	case next.At.IsZero():
		return text
	case next.WaitsFor == poller.WaitsForPause:
		text += ", account paused"
	}
	text += "; expected at about " + humanize.TimeAndDistance(next.At, now)
	if next.Ahead > 0 {
		text += ", after " + humanize.Plural(next.Ahead, "other sensor")
	}
	return text
}

func failing(v *poller.View, s *inventory.Sensor, o *poller.SensorView, next *poller.Upcoming) string {
	since := humanize.TimeAndDistance(o.FailingSince, v.At)
	text := fmt.Sprintf("Failing since %s, %d times in a row: %s", since, o.Failures, o.Failure)
	if !next.At.IsZero() {
		text += "; retry at about " + humanize.TimeAndDistance(next.At, v.At)
	}
	staleAt := humanize.TimeAndDistance(o.Time.Add(o.StaleAfter), v.APITime(s.Machine))
	switch {
	case o.Time.IsZero():
		return text
	case o.Exposed:
		return text + "; the last value stays on /metrics until " + staleAt
	}
	return text + "; the last value has been stale since " + staleAt
}

func stale(v *poller.View, s *inventory.Sensor, o *poller.SensorView) string {
	setting, since, apiNow := "stale_after", o.Time.Add(o.StaleAfter), v.APITime(s.Machine)
	if s.Rule.StaleAfter > 0 {
		setting = "stale_after of its rule"
	}
	if o.Time.After(apiNow) {
		return fmt.Sprintf("Stale since %s: its time %s is in the future, and it was last polled more than %s ago (%s)",
			humanize.TimeAndDistance(o.LastSuccess.Add(o.StaleAfter), v.At), humanize.Time(o.Time),
			humanize.Duration(o.StaleAfter), setting)
	}
	text := fmt.Sprintf("Stale since %s: older than %s (%s)", humanize.TimeAndDistance(since, apiNow),
		humanize.Duration(o.StaleAfter), setting)
	if o.LastSuccess.Add(apiNow.Sub(v.At)).After(since) {
		return text + "; innius had no newer reading at " + humanize.TimeAndDistance(o.LastSuccess, v.At)
	}
	return text + "; not polled since " + humanize.TimeAndDistance(o.LastSuccess, v.At)
}
