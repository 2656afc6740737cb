// Package pace learns, from the timestamps of a sensor's readings, when its next one can be fetched, and says how long
// the sensor may be left alone. It is pure: no I/O, no clock, no randomness of its own. Times are seconds, as float64,
// since a moment that the caller chooses.
//
// # The rule
//
// One request reads one sensor, so requests are shared out. Let the lag of a sensor be how much older the reading held
// is than the newest one that innius has. A sensor with period p that is asked every tau seconds, blind to its phase,
// has a mean lag of tau/2 whatever p is; asked just after every k-th new reading it has (tau - p)/2. So knowing the
// phase saves up to p/2 for each sensor, and all requests for sensors that are slower than their turn. The optimum is
// therefore a common level T, the interval of a sensor of weight 1 that reports all the time, such that the planned
// requests just use the allowance, and for each sensor
//
//	interval = max(p, T / sqrt(weight))
//
// with the request placed just after the reading that it waits for (water-filling; a threshold policy in the sense of
// Olston and Pandey, "Recrawl scheduling based on information longevity", WWW 2008, and of the restless-bandit index in
// Azar et al., "Tractable near-optimal policies for crawling", PNAS 2018). For lag, unlike for binary freshness (Cho and
// Garcia-Molina, TODS 2003), shares that grow with the update rate are harmful.
//
// A request that comes too early is wasted, one that comes late costs lag. Where the next reading is expected in a
// window of width W, asking every delta costs delta/2 of lag and W/(2 delta) requests for each reading. With the price
// of a request at the level T, which is T^2/2, the best is
//
//	delta = T sqrt(W / (2 p))
//
// A sensor that is overdue by more than its window may be silent for the night or dead. Its first reading removes all
// the lag that has gathered, so it keeps nearly its full turn: the wait grows with sqrt(overdue / silence) to T. Only
// one that has never reported backs off. A sensor without rhythm (its window is nearly as wide as its period) is asked
// every T: there the phase tells nothing, and the rule is round-robin.
//
// # What is learned
//
// Period and window come from the last gaps between readings, whatever a page holds: one that does not reach back to what
// was known hides some, and the gap then counts for as many periods as it spans. The delay from timestamp to visibility
// is bracketed by what requests missed and saw. Where even the first reading of several was there when a request missed
// it, they are an upload, and the delay is that of its first reading; a page smaller than the upload hides that one, and it
// is taken to have come a period after the last one known. Outliers, a changed period and a clock that is wrong by the same
// amount all the time do not matter; forgetting is slow, for where min_interval is long a miss costs much.
package schedule
