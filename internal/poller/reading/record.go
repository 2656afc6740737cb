package reading

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/schedule"
)

// Rule is what the config sets for how the readings of a sensor are used.
type Rule struct {
	Values   map[string]float64 // numbers for texts
	Extremes bool               // remember minimum and maximum
	States   []string           // texts that are states; nil: none are

	// Deliver gets the new readings that the rule makes usable, oldest first, before they are stored: of a first poll those after
	// the last gap, as they are counted. A concurrent change of the entry may give it some twice. nil: they are not wanted.
	Deliver func([]innius.Reading)

	// With States, of one poll.
	Until time.Time     // up to which it shows the readings, by the API's clock; not known if it is zero
	Lasts time.Duration // so long after a reading its state is known without another one; 0: as long as polls find none
}

// Record is what is known of one sensor's readings. Immutable once stored.
type Record struct {
	Saved
	Recent Recent
}

// Saved is the part of a Record that survives a restart. Times are zero if there is none.
type Saved struct {
	Time        time.Time          // of the newest number or state, by the source's clock
	Value       float64            // NaN: it is a state without a number
	LastSuccess time.Time          // of polls of this sensor, by this machine's clock
	Cursor      innius.Cursor      // where the next poll starts
	Interval    *schedule.Interval // what the scheduler has learned of when it reports; nil: nothing

	// What the poller fixes at each successful poll, for the status of the sensor.
	PlannedGap time.Duration // from it to the next; 0: not known
	Silent     bool          // no new reading for longer than silent_after
	Alone      bool          // silent while other sensors of its machine went on
	Overflow   bool          // it missed readings
	Resumed    int64         // of the first reading after its latest silence, in nanoseconds since the epoch; 0: none

	Seen   time.Time // newest time of a reading that was counted, not in the future
	Missed Spans     // the latest in which readings may exist that no page showed

	Extremes *Extremes // see MinMax; nil: there are none
	States   *States   // nil if the readings are no states

	*Rare // never nil in a Record; nil in what is saved if it has none of it
}

// Rare is what most sensors do not have, so it takes no memory for them.
type Rare struct {
	Unusable innius.Reading // the newest reading, if it is no number or state and newer than the newest one

	Failure      string    // error of the last poll; empty if it succeeded
	FailingSince time.Time // by this machine's clock, as LastFailure
	LastFailure  time.Time
	Failures     int // in a row while other sensors of the account were polled with success

	failureLogged bool

	// Pages overlap. These, and Seen, make each reading count once.
	Future     time.Time // newest time in the future that was counted
	Unreadable []string  // times on the latest page that could not be read
}

// PollResult is what one poll changed, for counters, the log and the scheduler.
type PollResult struct {
	New       bool                      // a reading newer than the one held
	First     bool                      // the sensor's first reading
	Lag       time.Duration             // age of the new reading, by this machine's clock; negative: it was ahead
	Skipped   map[innius.SkipReason]int // readings without a usable number or time
	Recovered bool                      // the sensor had been failing, as logged
	Odd       innius.Reading            // the newest reading, if a setting or the source must be corrected to use it

	Readings int           // new ones, unusable and late ones too; of a first poll those that no gap separates from the newest
	Late     int           // of them, that are older than one already known, or than the moment up to which states were counted
	Missed   []innius.Span // in which readings may exist that no page showed

	// For the scheduler: times of the new readings after the last gap, unusable ones too, ascending, each once.
	Times []time.Time
	Whole bool // no reading between those seen before and the first of Times was missed
}

// update computes the record that follows another.
type update struct {
	held   *Record
	next   *Record
	result PollResult
	recent []Point

	extremes *extremes        // nil: not wanted
	usable   []innius.Reading // new ones

	odd   innius.Reading // the last one without a usable time
	timed bool           // some reading has a usable time
}

func (u *update) add(poll innius.Newest, rule Rule, complete bool, now time.Time) {
	u.count(poll, complete)
	u.result.Skipped, u.next.Unreadable = map[innius.SkipReason]int{}, nil
	u.recent = u.held.Recent.all()
	if len(u.recent) == 0 && !u.held.Time.IsZero() { // after a restart
		u.addRecent(u.held.Time, u.held.Value)
	}
	if complete {
		u.result.Recovered = u.held.failureLogged
		u.next.LastSuccess = now
		u.next.Failure, u.next.FailingSince, u.next.LastFailure, u.next.Failures = "", time.Time{}, time.Time{}, 0
		u.next.failureLogged = false
	}
	u.next.Cursor = poll.Cursor
	if rule.Extremes {
		u.extremes = newExtremes(u.held, u.next.LastSuccess, now)
	}
	readings := poll.Readings
	for _, r := range readings {
		u.addReading(rule.use(r))
	}
	if r := rule.use(u.held.Unusable); r.Skip == "" && r.Time.After(u.next.Time) { // by a new rule, and it was not read again
		u.addReading(r)
		readings = append(slices.Clip(readings), u.held.Unusable)
	}
	if rule.Deliver != nil {
		u.deliver(poll.Missed, rule)
	}
	u.countStates(readings, poll.Missed, rule, complete)
	u.next.Recent = NewRecent(u.recent)
	u.next.Extremes = u.extremes.save(u.next.Time)
	u.setUnusable()
	u.result.New, u.result.First = u.next.Time.After(u.held.Time), u.held.Time.IsZero()
	u.result.Lag = now.Sub(u.next.Time)
}

// count counts the new readings of a poll, and what it missed. Of a sensor's first poll, what precedes the last gap is history,
// not a reading that was missed. Readings in the future do not count: they will be read when their time has come.
func (u *update) count(poll innius.Newest, complete bool) {
	var times []time.Time
	for _, r := range poll.Readings {
		if r.Skip != innius.SkipTime && r.Skip != innius.SkipFuture && r.Time.After(u.held.Seen) {
			times = append(times, r.Time)
		}
	}
	times = slices.CompactFunc(times, time.Time.Equal)
	first, missed := u.held.Seen.IsZero(), poll.Missed
	u.result.Readings, u.result.Times = len(times), times
	if n := len(missed); n > 0 {
		u.result.Times = slices.DeleteFunc(slices.Clone(times), missed[n-1].To.After)
	}
	if first {
		u.result.Readings, missed = len(u.result.Times), nil
	}
	u.result.Missed, u.result.Whole = missed, !first && len(missed) == 0
	u.next.Missed = u.held.Missed.add(missed)
	if complete {
		u.next.Overflow = len(missed) > 0
	}
}

// deliver delivers the new usable readings.
func (u *update) deliver(missed []innius.Span, rule Rule) {
	if n := len(missed); n > 0 && u.held.Seen.IsZero() {
		u.usable = slices.DeleteFunc(u.usable, func(r innius.Reading) bool { return missed[n-1].To.After(r.Time) })
	}
	if len(u.usable) > 0 {
		rule.Deliver(u.usable)
	}
}

// use returns a reading as the rule makes it usable: with a number for its text, or as a state without a number.
func (r *Rule) use(one innius.Reading) innius.Reading {
	number, mapped := r.Values[one.Text]
	switch {
	case mapped && one.Skip == innius.SkipText:
		one.Value, one.Skip = number, ""
	case len(r.States) > 0 && (one.Skip == innius.SkipText || one.Skip == innius.SkipNumber):
		one.Value, one.Skip = math.NaN(), ""
	}
	return one
}

func (u *update) addReading(r innius.Reading) {
	switch {
	case r.Skip == innius.SkipTime:
		u.addUnreadable(r)
		return
	case r.Skip == innius.SkipFuture:
		if r.Time.After(u.held.Future) {
			u.result.Skipped[r.Skip]++
		}
		u.next.Future, u.odd = schedule.Later(u.next.Future, r.Time), r
		return
	case r.Skip != "":
		if r.Time.After(u.held.Seen) {
			u.result.Skipped[r.Skip]++
		}
		if !r.Time.Before(u.next.Unusable.Time) {
			u.next.Unusable = r
		}
	case !r.Time.Before(u.next.Time):
		if r.Time.After(u.next.Time) {
			u.usable = append(u.usable, r)
		}
		u.extremes.add(r.Time, r.Value, u.next.Time)
		u.next.Time, u.next.Value = r.Time, r.Value
		u.addRecent(r.Time, r.Value)
	case u.late(r.Time):
		u.result.Readings, u.result.Late = u.result.Readings+1, u.result.Late+1
		u.usable = append(u.usable, r)
		u.extremes.add(r.Time, r.Value, u.next.Time)
		u.addRecent(r.Time, r.Value)
	}
	u.next.Seen, u.timed = schedule.Later(u.next.Seen, r.Time), true
}

// addRecent inserts a reading. One with the time of another corrects it.
func (u *update) addRecent(at time.Time, value float64) {
	p := Point{float64(at.UnixMilli()) / 1e3, value}
	i, known := u.findRecent(p[0])
	if known {
		u.recent[i] = p
		return
	}
	u.recent = slices.Insert(u.recent, i, p)
}

func (u *update) findRecent(at float64) (i int, known bool) {
	return slices.BinarySearchFunc(u.recent, at, func(p Point, at float64) int { return cmp.Compare(p[0], at) })
}

// late reports whether a reading that is older than the newest number is new all the same, as far as the recent ones show: it is
// between two of them. One in a gap was counted with it.
func (u *update) late(at time.Time) bool {
	i, known := u.findRecent(float64(at.UnixMilli()) / 1e3)
	return i > 0 && !known && at.Before(u.held.Seen) && !u.next.Missed.contain(at)
}

// addUnreadable counts a reading without a time. Only its text distinguishes it from those of the page before.
func (u *update) addUnreadable(r innius.Reading) {
	u.odd = r
	if slices.Contains(u.next.Unreadable, r.Text) {
		return
	}
	u.next.Unreadable = append(u.next.Unreadable, r.Text)
	if !slices.Contains(u.held.Unreadable, r.Text) {
		u.result.Skipped[r.Skip]++
	}
}

func (u *update) setUnusable() {
	switch {
	case !u.timed && u.odd.Skip != "":
		u.next.Unusable, u.result.Odd = u.odd, u.odd
	case !u.next.Unusable.Time.After(u.next.Time):
		u.next.Unusable = innius.Reading{}
	case u.next.Unusable.Hint() != "":
		u.result.Odd = u.next.Unusable
	}
}

// Polled reports whether the sensor was ever polled, with success or without.
func (s *Saved) Polled() bool { return !s.LastSuccess.IsZero() || s.Rare != nil && s.Failures > 0 }

// Planned returns when the next poll is planned, by this machine's clock, unless PlannedGap is not known.
func (s *Saved) Planned() time.Time { return s.LastSuccess.Add(s.PlannedGap) }

// Newest returns the time of the newest reading, with or without a usable number; zero if there is none.
func (r *Record) Newest() time.Time { return schedule.Later(r.Time, r.Seen) }

// Moved returns the record with the times of this machine's clock moved; it is the same one if there is nothing to move.
func (r *Record) Moved(by time.Duration) *Record {
	if by == 0 {
		return r
	}
	m := *r
	times := []*time.Time{&m.LastSuccess}
	if r.Rare != nothing {
		m.Rare = new(*r.Rare)
		times = append(times, &m.FailingSince, &m.LastFailure)
	}
	for _, t := range times {
		if !t.IsZero() {
			*t = t.Add(by)
		}
	}
	return &m
}

// Exposed reports whether the value is on /metrics at a moment of the API's clock, and of this machine's: it exists and is no
// older than staleAfter. A time in the future of this machine's clock, by which it would never get old, counts only as long as
// polls succeed.
func (r *Record) Exposed(staleAfter time.Duration, apiNow, now time.Time) bool {
	if r.Time.Sub(now) > MaxAhead && now.Sub(r.LastSuccess) > staleAfter {
		return false
	}
	return !r.Time.IsZero() && apiNow.Sub(r.Time) <= staleAfter
}

// Point is a reading for the status page: Unix seconds, to a millisecond, and value.
type Point = [2]float64

// MaxRecent is how many readings of a sensor are kept for the status page.
const MaxRecent = 20

// Recent are the newest numbers and states of a sensor, packed: they are most of what a sensor takes in memory. Each is the time
// since the one before, a varint of milliseconds, and the value; NaN for a state without a number.
type Recent string

// NewRecent packs the last MaxRecent of some points, which are oldest first.
func NewRecent(points []Point) Recent {
	var room [MaxRecent * (binary.MaxVarintLen64 + 8)]byte
	packed, before := room[:0], int64(0)
	for _, p := range points[max(0, len(points)-MaxRecent):] {
		at := int64(math.Round(1e3 * p[0]))
		packed = binary.AppendUvarint(packed, uint64(at-before))
		packed = binary.LittleEndian.AppendUint64(packed, math.Float64bits(p[1]))
		before = at
	}
	return Recent(packed)
}

// Points returns the numbers, oldest first.
func (r Recent) Points() []Point {
	return slices.DeleteFunc(r.all(), func(p Point) bool { return math.IsNaN(p[1]) })
}

func (r Recent) all() []Point {
	points, packed, at := make([]Point, 0, MaxRecent), []byte(r), int64(0)
	for len(packed) > 0 {
		since, n := binary.Uvarint(packed)
		at += int64(since)
		points = append(points, Point{float64(at) / 1e3, math.Float64frombits(binary.LittleEndian.Uint64(packed[n:]))})
		packed = packed[n+8:]
	}
	return points
}
