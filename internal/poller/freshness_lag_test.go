package poller

import (
	"math"
	"math/bits"
	"time"

	"innius_exporter/internal/simulator"
)

// Times in the freshness harness are nanoseconds since 1970: a run counts tens of millions of readings.

// truth is the newest reading that the API would give, walked forward in time.
type truth struct {
	line        *simulator.Timeline
	newest      int64 // its timestamp, in the whole milliseconds that the API gives; 0: none yet
	nextStamp   int64
	nextVisible int64
}

func newTruth(s simulator.Sensor, from, until time.Time) truth {
	t := truth{line: s.Timeline(from, until)}
	t.step()
	t.at(from.UnixNano())
	return t
}

func (t *truth) step() {
	r, ok := t.line.Next()
	if !ok {
		t.nextVisible = math.MaxInt64
		return
	}
	t.nextStamp, t.nextVisible = r.Stamp.UnixMilli()*1e6, r.Visible.UnixNano()
}

// at returns the newest timestamp at a moment. Moments must not go back.
func (t *truth) at(now int64) int64 {
	for t.nextVisible <= now {
		t.newest = t.nextStamp
		t.step()
	}
	return t.newest
}

// track is one sensor's lag over time: constant between the moments at which a reading becomes visible or is stored.
type track struct {
	truth   truth
	weight  float64
	maxAge  int64   // promised; 0: nothing
	unseen  []int64 // of a sensor with a promise: the timestamps of readings that are visible and newer than the one held
	exposed int64   // timestamp of the reading held; before the first one, when the loop heard of the sensor
	now     int64   // accounted for until here
}

// advance accounts for the time up to a moment. into is nil while nothing counts yet.
func (k *track) advance(to int64, into *tally) {
	for k.truth.nextVisible <= to {
		k.account(k.truth.nextVisible, into)
		if stamp := k.truth.nextStamp; k.maxAge > 0 && stamp > k.exposed {
			k.unseen = append(k.unseen, stamp)
		}
		k.truth.at(k.truth.nextVisible)
	}
	k.account(to, into)
}

func (k *track) account(to int64, into *tally) {
	if to <= k.now {
		return
	}
	if into != nil {
		into.add(max(0, k.truth.newest-k.exposed), float64(to-k.now), k.weight)
		into.promise(k, to)
	}
	k.now = to
}

// stored notes an answer: what is exposed from now on; 0: nothing yet.
func (k *track) stored(now, exposed int64, into *tally) {
	k.advance(now, into)
	if exposed != 0 {
		k.exposed = exposed
	}
	for len(k.unseen) > 0 && k.unseen[0] <= k.exposed {
		k.unseen = k.unseen[1:]
	}
}

// tally sums up lag over sensors and time, both weighted by the sensors' weights.
type tally struct {
	time, lag, fresh float64          // in nanoseconds, and nanoseconds squared, times weight
	allTime, allLag  float64          // the same as if all weights were alike
	spread           [64 << 6]float64 // time by lag, in steps of 1/64 of a power of two
	promised, kept   float64          // time of sensors with a promise
}

func (y *tally) add(lag int64, time, weight float64) {
	amount := time * weight
	y.allTime += time
	y.allLag += float64(lag) * time
	y.time += amount
	y.lag += float64(lag) * amount
	if lag == 0 {
		y.fresh += amount
	}
	y.spread[bucket(lag)] += amount
}

// promise counts the time in which no reading that had not been picked up was older than promised.
func (y *tally) promise(k *track, to int64) {
	if k.maxAge == 0 {
		return
	}
	kept := to
	if len(k.unseen) > 0 {
		kept = min(to, k.unseen[0]+k.maxAge)
	}
	y.promised += float64(to - k.now)
	y.kept += float64(max(0, kept-k.now))
}

// bucket maps a lag to the power of two below it and the six bits after its first.
func bucket(lag int64) int {
	if lag < 1<<6 {
		return int(lag)
	}
	power := bits.Len64(uint64(lag)) - 7
	return power<<6 + int(lag>>power)
}

// floor is the least lag in a bucket.
func floor(bucket int) int64 {
	if bucket < 1<<6 {
		return int64(bucket)
	}
	power := bucket>>6 - 1
	return int64(bucket-power<<6) << power
}

// mean is the weighted mean lag in seconds.
func (y *tally) mean() float64 { return y.lag / y.time / 1e9 }

// alike is the mean lag in seconds as if all weights were alike.
func (y *tally) alike() float64 { return y.allLag / y.allTime / 1e9 }

// quantile is the lag in seconds, within 1.6 %, below which a share of the weighted time lies.
func (y *tally) quantile(q float64) float64 {
	sum := 0.0
	for i, amount := range y.spread {
		if sum += amount; sum >= q*y.time {
			return float64(floor(i)) / 1e9
		}
	}
	return math.Inf(1)
}
