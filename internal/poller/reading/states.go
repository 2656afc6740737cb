package reading

import (
	"slices"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/schedule"
)

// The states that no rule lists.
const (
	OtherState   = "other"   // that of a value that the rule does not list, null too
	UnknownState = "unknown" // time of which no reading shows the state
)

// States is what is known of a sensor whose readings are states. Immutable once stored.
type States struct {
	Newest  string // the newest reading as a text; empty: null
	Known   bool   // there is one
	Counted int64  // the moment up to which time is counted, by the API's clock, in nanoseconds since the epoch

	names []string        // the states that the rule listed
	times []time.Duration // in each of them, in others, and in unknown ones, since the process started; nil: none yet
}

// Now returns the state of the newest reading, which is one of those that a rule lists, or OtherState; empty if none is known.
func (s *States) Now(listed []string) string {
	switch {
	case s == nil || !s.Known:
		return ""
	case slices.Contains(listed, s.Newest):
		return s.Newest
	}
	return OtherState
}

// In returns the time spent in a state since the process started, up to the last successful poll. It never decreases as long as
// the rule lists the state.
func (s *States) In(state string) time.Duration {
	if s == nil || s.times == nil {
		return 0
	}
	if i := s.index(state); i >= 0 {
		return s.times[i]
	}
	return 0
}

// index returns the place of a state in times; -1 if it has none.
func (s *States) index(state string) int {
	switch state {
	case OtherState:
		return len(s.names)
	case UnknownState:
		return len(s.names) + 1
	}
	return slices.Index(s.names, state)
}

// restored returns what another process saved.
func (s *States) restored() *States {
	if s == nil {
		return nil
	}
	return &States{Newest: s.Newest, Known: s.Known, Counted: s.Counted}
}

// forget returns the states without the newest reading, whose time is wrong: it was after a moment.
func (s *States) forget(moment time.Time) *States {
	if s == nil {
		return nil
	}
	next := *s
	next.Newest, next.Known, next.Counted = "", false, min(s.Counted, moment.UnixNano())
	return &next
}

// maxCountedAhead is how far the moment counted so far may be ahead of the clock. The clock must have been wrong then; time would
// stand still for as long.
const maxCountedAhead = 24 * time.Hour

// stateCount counts the time in each state, from reading to reading.
type stateCount struct {
	States                  // the next ones
	first     bool          // no time was counted before this poll, so it is where the count begins
	at, since time.Time     // counted so far; time of the reading whose state is in force
	missed    []innius.Span // where no reading shows the state
	lasts     time.Duration // see Rule
}

// countStates counts the time in each state up to the newest reading, or further to what a complete poll shows. Time that is
// counted stays so: a late reading counts from then on.
func (u *update) countStates(readings []innius.Reading, missed []innius.Span, rule Rule, complete bool) {
	held := u.held.States
	if len(rule.States) == 0 {
		u.next.States = nil
		return
	}
	c := stateCount{States: States{names: rule.States}, first: held == nil, since: u.held.Time, missed: missed, lasts: rule.Lasts}
	c.times = make([]time.Duration, len(rule.States)+2)
	if held != nil {
		c.Newest, c.Known, c.at = held.Newest, held.Known, time.Unix(0, held.Counted)
		for i, name := range slices.Concat(rule.States, []string{OtherState, UnknownState}) {
			c.times[i] = held.In(name)
		}
		if complete && c.at.Sub(rule.Until) > maxCountedAhead && !rule.Until.IsZero() {
			c.at = rule.Until
		}
	}
	begin := c.at
	for _, r := range readings {
		if r.Skip == innius.SkipTime || r.Skip == innius.SkipFuture || r.Time.Before(c.since) {
			continue
		}
		if r.Time.Before(begin) && r.Time.After(u.held.Seen) && !u.held.Seen.IsZero() {
			u.result.Late++
		}
		c.passTo(r.Time)
		c.Newest, c.Known, c.since = r.State(), true, r.Time
		if i := slices.Index(c.names, c.Newest); i >= 0 {
			c.Newest = c.names[i] // to share the memory
		}
	}
	if complete {
		c.passTo(rule.Until)
	}
	if c.Counted = c.at.UnixNano(); !c.at.IsZero() {
		u.next.States = new(c.States)
	}
}

// passTo moves on to a moment. The time until then is that of the state in force, as far as it is known.
func (c *stateCount) passTo(moment time.Time) {
	from := c.at
	if !moment.After(from) {
		return
	}
	if c.at = moment; c.first {
		return
	}
	known := time.Duration(0)
	if c.Known {
		end := moment
		if lasts := c.since.Add(c.lasts); c.lasts > 0 && lasts.Before(end) {
			end = lasts
		}
		known = max(0, end.Sub(from))
		for _, gap := range c.missed {
			known -= overlap(from, end, gap)
		}
		c.times[c.index(c.Now(c.names))] += known
	}
	c.times[c.index(UnknownState)] += moment.Sub(from) - known
}

// overlap returns how much of the time between two moments is in a span.
func overlap(from, to time.Time, s innius.Span) time.Duration {
	if s.To.Before(to) {
		to = s.To
	}
	return max(0, to.Sub(schedule.Later(from, s.From)))
}
