// Package schedule decides which sensor of an account is polled next, and forecasts what that yields. It is pure: no
// I/O, no clock. A sensor is a key with a few numbers, and the current time is a parameter.
//
// The files, in reading order: interval.go learns when a sensor reports, wait.go computes how long it may wait at a
// given level and what ages follow, waterfill.go computes the level, scheduler.go holds the tasks,
// forecast.go predicts.
//
// # The rule
//
// One request polls one sensor, so requests must be shared out. The lag of a sensor is how much older the cached
// reading is than the newest one that the API has. A sensor with reporting interval p that is polled every tau seconds,
// at a random phase, has a mean lag of tau/2, whatever p is. Polled just after every k-th new reading, it has a mean lag
// of (tau - p)/2. So knowing the phase saves up to p/2 for each sensor, and it saves all requests of sensors that report
// more slowly than they would be polled. The optimum is therefore a common level T, such that the planned requests just
// use the rate limit, and for each sensor
//
//	wait = max(p, T / sqrt(weight))
//
// with the poll placed just after the reading that it waits for. T is the wait of a sensor of weight 1 that reports all
// the time. This is water-filling: a threshold policy in the sense of Olston and Pandey, "Recrawl scheduling based on
// information longevity", WWW 2008, and of the restless-bandit index in Azar et al., "Tractable near-optimal policies
// for crawling", PNAS 2018. For lag, unlike for binary freshness (Cho and Garcia-Molina, TODS 2003), a share of requests
// that grows with the update rate is harmful.
//
// A poll that comes too early is wasted, one that comes late costs lag. If the next reading is expected in a window of
// width W, polling every delta costs delta/2 of lag and W/(2 delta) requests for each reading. At the level T a request
// is worth T^2/2, so the best is
//
//	delta = T sqrt(W / (2 p))
//
// A sensor that is overdue by more than its window may be off for the night or dead. Its first reading would remove all
// the lag that has built up, so it is still polled nearly as often as others: its wait grows with sqrt(overdue / silence)
// to T. Only a sensor that has never reported backs off. If the window is nearly as wide as the interval, the phase is of
// no use: such an irregular sensor is polled every T, which is round-robin.
//
// # Every reading
//
// A page holds a number of readings, so a sensor that is polled before they are that many, after 0.9 page p, misses none.
// Such page targets lower the waits above. The longest are given out first: they take the fewest requests for each sensor
// that misses nothing then. What they take beyond the level counts, not all: the limit is the level to which they raise the
// others, 2.5 times the one without any target. If all requests of the sensors with a target counted, as for max-age
// targets, many that are polled half as often anyway would not fit. A sensor that is silent keeps its target, because it may
// resume at any time.
//
// # What is learned
//
// Interval and window come from the last gaps between readings. A page that does not reach back to the previous reading
// hides some, and the gap then counts as the number of intervals that it spans. The delay from timestamp to visibility
// is bounded by what polls missed and saw. If even the first of several readings existed when a poll missed it, they are
// an upload in a batch, and the delay is that of its first reading. A page smaller than the batch does not show that
// reading, so it is assumed one interval after the last known one. Outliers, a changed interval and a constant clock
// error do not matter. Forgetting is slow, because with a long min_interval each miss is expensive.
package schedule
