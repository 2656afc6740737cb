package poller

import (
	"fmt"
	"time"

	"innius_exporter/internal/humanize"
)

func (a *account) status(now time.Time) AccountReport {
	h, perHour := a.health.Load(), a.Pacer.PerHour()
	s := AccountReport{
		Name: a.Name, Failure: h.failure(), LastError: h.lastError, LastErrorAt: moment(h.lastErrorAt),
		PausedUntil: moment(h.pausedUntil(now)), RequestsPerHour: perHour, RequestsRemaining: a.Pacer.Remaining(now),
		Burst: a.Pacer.Burst(), Configured: a.limiter.configured.PerHour, Lowered: why[h.lowered], ForReadings: h.forReadings,
		Cycle: a.cycle().Seconds(), Verified: moment(h.verified), Discovery: h.discovery, Demand: h.demand,
		Sensors: map[SensorStatus]int{}, MaxAge: map[MaxAgeStatus]int{},
	}
	if h.relaxed > 1 {
		s.Stretched = &h.relaxed
	}
	if s.PausedUntil != nil {
		s.PauseReason = string(h.breaker.pause)
	}
	if up, known := h.up(); known {
		s.Up = &up
	}
	if s.Failure != "" {
		s.FailingSince = moment(h.breaker.failingSince)
	}
	ahead, known := a.Client.ClockDifference()
	if known {
		s.ClockDifference = new(ahead.Seconds())
	}
	if h.clockOff {
		s.Remarks = append(s.Remarks, fmt.Sprintf("the clock of this machine and the API's differ by %s; ages are judged by the API's",
			humanize.Duration(ahead.Abs())))
	}
	if h.keyTrouble != "" {
		s.Remarks = append(s.Remarks, "the key file gave no key, and a restart would find none: "+h.keyTrouble)
	}
	if h.barren {
		s.Remarks = append(s.Remarks, noReadings)
	}
	for _, r := range h.remarks {
		s.Remarks = append(s.Remarks, fmt.Sprintf("%s (first seen at sensor %q of machine %q)", r.Remark, r.sensor, r.machine))
	}
	s.Health, s.Plan = h.words(&s, now), s.plan(h.sensors)
	s.Discovery.Ended, s.Discovery.Words = h.settled, h.discoveryWords(perHour, now)
	return s
}

// causes says in words what each reason of a failure is, after "since ...: ".
var causes = map[string]string{
	"key":              "the key is refused or cannot be read",
	"network":          "innius cannot be reached",
	"server":           "innius answers with faults of its own (5xx)",
	"invalid_response": "innius refuses the requests (400, 403, 404) or redirects them, or its responses cannot be used",
}

// pauses says in words what each pause is for.
var pauses = map[pauseReason]string{
	pausedLimit:  "innius said that a limit of the key was exceeded (429)",
	pausedBusy:   "innius is unavailable until then (503)",
	pausedKey:    "then the key is tried again",
	pausedOutage: "then innius is tried again",
}

// words says whether the account is up, and if not why, since when, and what comes next.
func (h *health) words(s *AccountReport, now time.Time) string {
	text := "innius answers"
	switch {
	case s.Failure != "" && s.FailingSince != nil:
		text = fmt.Sprintf("since %s: %s", humanize.TimeAndDistance(*s.FailingSince, now), causes[s.Failure])
	case s.Failure != "":
		text = causes[s.Failure]
	case s.Up == nil:
		text = "no answer yet"
	}
	if s.PausedUntil != nil {
		text += fmt.Sprintf("; nothing is sent until %s: %s", humanize.TimeAndDistance(*s.PausedUntil, now), pauses[h.breaker.pause])
	}
	return text
}

// plan says in words what the allowance buys.
func (s *AccountReport) plan(sensors int) string {
	cycle := humanize.Duration(planned(s.Cycle))
	switch {
	case sensors == 0:
		return "no sensor is asked for yet"
	case s.Demand == 0:
		return fmt.Sprintf("no sensor's pace is known yet; %s can each be asked every %s", humanize.Plural(sensors, "sensor"), cycle)
	case s.Demand <= s.ForReadings:
		return fmt.Sprintf("the allowance suffices: the sensors' own paces ask for %s requests an hour, and %s are there for readings, so each "+
			"reading is picked up soon after it appears; a round of all %s would take %s", humanize.Number(s.Demand), humanize.Number(s.ForReadings),
			humanize.Plural(sensors, "sensor"), cycle)
	}
	return fmt.Sprintf("the allowance does not suffice for every reading: the sensors' own paces ask for %s requests an hour, and %s are there "+
		"for readings, so about %s %% of what they report can be seen, and a value gets about as old as a round of all %s takes: %s",
		humanize.Number(s.Demand), humanize.Number(s.ForReadings), humanize.Number(100*s.ForReadings/s.Demand), humanize.Plural(sensors, "sensor"), cycle)
}

// discoveryWords says how old the catalogue is, or how far its first reading has come.
func (h *health) discoveryWords(perHour float64, now time.Time) string {
	d := &h.discovery
	switch {
	case h.settled && h.verified.IsZero():
		return "the list of machines could not be read yet"
	case h.settled:
		return "each list was seen at or after " + humanize.TimeAndDistance(h.verified, now)
	case d.Lists < 2:
		return "the first one is under way: which company the key belongs to is not known yet"
	case d.Lists == 2 && d.Asked < 2:
		return "the first one is under way: the list of machines is not known yet"
	}
	left := planned(2 * float64(d.Lists-d.Asked) / perHour * 3600) // they take turns with readings
	return fmt.Sprintf("the first one is under way: %d of %d lists have been asked for; the others take about %s, and until then the "+
		"sensors of their machines are not known", d.Asked, d.Lists, humanize.Duration(left))
}
