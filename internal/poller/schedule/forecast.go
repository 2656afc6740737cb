package schedule

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

// What makes readings later than planned, as measured with the simulator.
const (
	usualLatency = 1    // seconds that a response takes
	usuallyLate  = 0.02 // of a cycle, if the rate limit is used up: what is due at the same time has to queue
	usedUp       = 0.95 // part of the requests from which the rate limit counts as used up
)

// Kind is how a sensor reports, compared with how often it can be polled.
type Kind string

// The kinds.
const (
	KindFast       Kind = "fast"        // more often than it is polled: not every reading becomes a value
	KindSlow       Kind = "slow"        // less often than it could be polled: polled just after each reading
	KindIrregular  Kind = "irregular"   // at random: polled once per level
	KindMaxAge     Kind = "max_age"     // more often than its max-age target: the target decides when it is polled
	KindPage       Kind = "page"        // so often that a page would overflow: its page target decides when it is polled
	KindSilent     Kind = "silent"      // not now: off for the night, or dead
	KindNoReadings Kind = "no_readings" // never so far; polled less and less often
	KindPending    Kind = "pending"     // not known: it has not been polled yet
	KindFailing    Kind = "failing"     // cannot be polled, and is in back-off
)

// kinds are all kinds in the order of a table.
var kinds = []Kind{KindFast, KindSlow, KindIrregular, KindMaxAge, KindPage, KindSilent, KindNoReadings, KindPending, KindFailing}

// Reports reports whether sensors of the kind have new readings now.
func (k Kind) Reports() bool {
	return k == KindFast || k == KindSlow || k == KindIrregular || k == KindMaxAge || k == KindPage
}

// Group is what sensors have in common that are treated in the same way.
type Group struct {
	Kind   Kind
	Weight float64
	MaxAge time.Duration // target; of KindMaxAge
}

// Outlook is what one sensor can expect. Rates are requests per hour. Ages are now minus the time of the value, in
// seconds.
type Outlook struct {
	Group
	Period      float64 // learned reporting interval in seconds; 0: not known
	Needed      float64 // for a poll after each reading; 0: Period is not known
	PerHour     float64 // that it gets
	Least, Most float64 // its age rises from Least to Most; without meaning if the kind has no new readings

	ForPages  float64 // to read each reading before a page overflows; 0: Period or the size of a page is not known
	Overflows bool    // it is polled too rarely for that
	Read      float64 // part of its readings that pages show

	TargetWanted float64 // to meet the max-age target as configured; 0: there is none
	TargetGets   float64 // to meet it as relaxed
	TargetExtra  float64 // of these, that the sensor would not get without target
}

// Forecast is what a Scheduler will do, once it is at its level.
type Forecast struct {
	Level   time.Duration // wait of a sensor of weight 1 that reports all the time
	Relaxed float64       // factor by which all max-age targets are longer, 1 if they are not
	fill    waterFill
	late    float64 // seconds that readings come after they are due
	at      time.Time
}

// Forecast predicts from what is known now, and returns the outlook of each sensor. At least one must be waiting.
func (s *Scheduler[S]) Forecast(now time.Time) (*Forecast, map[*Task[S]]Outlook) {
	f := &Forecast{fill: s.fill, late: usualLatency, at: now}
	f.fill.page = s.pageSize()
	perSecond := s.opts.PerHour() / 3600
	cycle := float64(s.count) / perSecond
	s.settle(&f.fill, perSecond, now)
	var sum float64
	for _, t := range s.All() {
		sum += f.fill.rate(&t.State, f.fill.level)
	}
	if sum > usedUp*perSecond {
		f.late += min(unbounded, usuallyLate*cycle)
	}
	f.Level, f.Relaxed = Seconds(f.fill.level), f.fill.relaxed
	outlooks := make(map[*Task[S]]Outlook, s.count)
	for _, t := range s.All() {
		outlooks[t] = f.outlook(&t.State)
	}
	return f, outlooks
}

// settle computes a level from what is known now.
func (s *Scheduler[S]) settle(fill *waterFill, perSecond float64, now time.Time) {
	fill.latency = usualLatency
	for range 4 { // the level bounds the intervals that it is computed from
		fill.compute(s.sample(), s.count, perSecond, now)
	}
}

// Overflowing returns how many sensors would be polled too rarely for pages of a size to show every reading, with a page target
// each and so many requests per hour for polls. At least one sensor must be waiting.
func (s *Scheduler[S]) Overflowing(page int, perHour float64, now time.Time) (n int) {
	f := &Forecast{fill: s.fill, at: now}
	f.fill.page, f.fill.complete = page, true
	s.settle(&f.fill, perHour/3600, now)
	for _, t := range s.All() {
		if f.outlook(&t.State).Overflows {
			n++
		}
	}
	return n
}

// Example is what one more sensor of weight 1 would get that reports every so often.
func (f *Forecast) Example(every time.Duration) GroupForecast {
	return Summarize([]Outlook{f.outlook(&State{Interval: Regular(every, f.at), Weight: 1, Polled: f.at})})[0]
}

func (f *Forecast) outlook(s *State) Outlook {
	i, level := s.Interval, f.fill.levelOf(s, f.fill.level)
	o := Outlook{Group: Group{Kind: kindOf(i, level), Weight: s.Weight}, Period: i.Period()}
	rate := f.fill.rate(s, f.fill.level)
	if o.Period > 0 {
		o.Needed = 3600 / max(f.fill.minInterval, o.Period)
	}
	switch {
	case o.Kind == KindSlow && o.Period < f.fill.minInterval:
		o.Kind = KindFast // min_interval keeps it from being polled for each reading
	case o.Kind == KindSlow:
		rate = max(rate, i.polls(level, f.fill.minInterval)*o.Needed/3600)
	}
	o.Least, o.Most = i.age(level)
	held := f.fill.clamp(o.Most - o.Least)
	if s.MaxAge > 0 {
		target := f.fill.target(s)
		got := f.targetRate(s, target)
		rate, held = max(rate, got), min(held, max(target-o.Least, f.fill.minInterval))
		o.TargetGets, o.TargetExtra = 3600*got, 3600*max(0, got-f.fill.rateByLevel(s, f.fill.level))
		o.TargetWanted = 3600 * i.rateWithin(max(s.MaxAge.Seconds(), f.fill.minInterval))
		if o.Kind.Reports() && o.Period > target {
			o.Kind = KindSlow
		} else if o.Kind.Reports() {
			o.Kind, o.MaxAge = KindMaxAge, s.MaxAge
		}
	}
	if f.fill.meetsPage(s) && held > max(f.fill.pageTarget(s), i.stride()) {
		held = max(f.fill.pageTarget(s), i.stride())
		if o.Kind.Reports() {
			o.Kind, o.MaxAge = KindPage, 0
		}
	}
	f.addPages(&o, s, held)
	switch {
	case s.Failures > 0:
		o.Kind, o.MaxAge, rate = KindFailing, 0, 1/s.backOff().Seconds()
	case s.Polled.IsZero() && o.Period == 0:
		o.Kind = KindPending
	}
	o.PerHour = 3600 * rate
	o.Least += f.late
	o.Most = o.Least + max(held, o.Period) // nothing newer exists before
	return o
}

// addPages adds what pages show of a sensor's readings, if each is held for a time.
func (f *Forecast) addPages(o *Outlook, s *State, held float64) {
	if o.Period == 0 || f.fill.page == 0 || s.Failures > 0 {
		return
	}
	covers, stride := s.Interval.Covers(f.fill.page), s.Interval.stride()
	o.ForPages = 3600 / max(f.fill.minInterval, pageFill*covers, stride)
	o.Read = min(1, s.Interval.period*float64(f.fill.page)/max(held, stride))
	o.Overflows = covers == 0 || held > max(covers/(1+scatter), 1.05*stride)
}

// targetRate returns the requests per second that it takes to meet a target.
func (f *Forecast) targetRate(s *State, target float64) float64 {
	rate := s.Interval.rateWithin(f.fill.fetchAge(s))
	if s.Interval.Period() > target && s.Interval.regular() {
		rate *= s.Interval.tries(margin, target)
	}
	return rate
}

// kindOf returns the kind at a level, as of the last poll.
func kindOf(i *Interval, level float64) Kind {
	switch {
	case !i.Reported:
		return KindNoReadings
	case i.silent(i.Polled):
		return KindSilent
	case level > i.stride():
		return KindFast
	case !i.regular():
		return KindIrregular
	}
	return KindSlow
}

// GroupForecast is what the sensors of a group can expect together.
type GroupForecast struct {
	Group
	Sensors int
	PerHour float64       // requests
	Age     time.Duration // mean over sensors and time; 0 if they have no new readings
	Age95   time.Duration // the age is below this 95 % of the time
}

// Summarize returns the groups of sensors, in the order of a table.
func Summarize(outlooks []Outlook) []GroupForecast {
	groups := map[Group][]Outlook{}
	for _, o := range outlooks {
		groups[o.Group] = append(groups[o.Group], o)
	}
	var all []GroupForecast
	for _, key := range slices.SortedFunc(maps.Keys(groups), Group.compare) {
		g := GroupForecast{Group: key, Sensors: len(groups[key])}
		var ages float64
		for _, o := range groups[key] {
			g.PerHour += o.PerHour
			ages += (o.Least + o.Most) / 2
		}
		if key.Kind.Reports() {
			g.Age, g.Age95 = Seconds(ages/float64(g.Sensors)), Seconds(ageQuantile(groups[key], .95))
		}
		all = append(all, g)
	}
	return all
}

func (g Group) compare(other Group) int {
	return cmp.Or(slices.Index(kinds, g.Kind)-slices.Index(kinds, other.Kind), cmp.Compare(other.Weight, g.Weight),
		cmp.Compare(g.MaxAge, other.MaxAge))
}

// ageQuantile returns the age in seconds that sensors stay below for a part of their time. Each has every age between
// its bounds for the same time.
func ageQuantile(outlooks []Outlook, part float64) float64 {
	low, high := 0.0, 0.0
	for _, o := range outlooks {
		high = max(high, o.Most)
	}
	for high-low > 1e-3*high {
		middle := (low + high) / 2
		var below float64
		for _, o := range outlooks {
			below += max(0, min(1, (middle-o.Least)/max(1e-9, o.Most-o.Least)))
		}
		if below < part*float64(len(outlooks)) {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// Later returns the later of two times.
func Later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Seconds returns a duration, bounded by the longest one.
func Seconds(s float64) time.Duration {
	return time.Duration(min(s*float64(time.Second), float64(math.MaxInt64/2)))
}
