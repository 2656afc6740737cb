package freshness

import (
	"math"
	"math/bits"
	"time"

	"innius_exporter/internal/simulator"
)

// Times are nanoseconds since 1970 here, because a run counts tens of millions of readings.

// truth is the newest reading that the API would return, followed forward in time.
type truth struct {
	line        *simulator.Timeline
	newest      int64 // its time, in the whole milliseconds of the API; 0: none yet
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

// at returns the time of the newest reading at a moment. Moments must not go back.
func (t *truth) at(now int64) int64 {
	for t.nextVisible <= now {
		t.newest = t.nextStamp
		t.step()
	}
	return t.newest
}

// track is the lag of one sensor over time. It is constant between the moments at which a reading becomes visible or is
// stored.
type track struct {
	truth  truth
	weight float64
	maxAge int64   // target; 0: none
	unseen []int64 // of a sensor with a target: times of visible readings that are newer than the cached one
	held   int64   // time of the cached reading; before the first one, when the poller learned of the sensor
	now    int64   // counted up to here
}

func newTrack(s *subject, now, until time.Time) *track {
	at := now.UnixNano()
	return &track{truth: newTruth(s.Sensor, now, until), weight: s.weight, maxAge: int64(s.maxAge), held: at, now: at}
}

// advance counts the time up to a moment. into is nil before the measurement.
func (k *track) advance(to int64, into *tally) {
	for k.truth.nextVisible <= to {
		k.count(k.truth.nextVisible, into)
		if stamp := k.truth.nextStamp; k.maxAge > 0 && stamp > k.held {
			k.unseen = append(k.unseen, stamp)
		}
		k.truth.at(k.truth.nextVisible)
	}
	k.count(to, into)
}

func (k *track) count(to int64, into *tally) {
	if to <= k.now {
		return
	}
	if into != nil {
		into.add(max(0, k.truth.newest-k.held), float64(to-k.now), k.weight)
		into.addTarget(k, to)
	}
	k.now = to
}

// stored records a response: the time of a newer reading that is cached from now on; 0: there is none.
func (k *track) stored(now, held int64, into *tally) {
	k.advance(now, into)
	if held != 0 {
		k.held = held
	}
	for len(k.unseen) > 0 && k.unseen[0] <= k.held {
		k.unseen = k.unseen[1:]
	}
}

// tally sums up lag over sensors and time, both weighted by the sensors' weights.
type tally struct {
	time, lag, fresh   float64          // in nanoseconds, and nanoseconds squared, times weight
	evenTime, evenLag  float64          // the same without weights
	spread             [64 << 6]float64 // time by lag, in steps of 1/64 of a power of two
	targetTime, metFor float64          // time of sensors with a target, and in which it was met
}

func (y *tally) add(lag int64, time, weight float64) {
	amount := time * weight
	y.evenTime += time
	y.evenLag += float64(lag) * time
	y.time += amount
	y.lag += float64(lag) * amount
	if lag == 0 {
		y.fresh += amount
	}
	y.spread[bucket(lag)] += amount
}

// addTarget counts the time in which no reading that had not been fetched was older than the target.
func (y *tally) addTarget(k *track, to int64) {
	if k.maxAge == 0 {
		return
	}
	met := to
	if len(k.unseen) > 0 {
		met = min(to, k.unseen[0]+k.maxAge)
	}
	y.targetTime += float64(to - k.now)
	y.metFor += float64(max(0, met-k.now))
}

// bucket maps a lag to the power of two below it and the six bits after its first one.
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

// evenMean is the mean lag in seconds without weights.
func (y *tally) evenMean() float64 { return y.evenLag / y.evenTime / 1e9 }

// quantile is the lag in seconds, within 1.6 %, below which a part of the weighted time lies.
func (y *tally) quantile(q float64) float64 {
	sum := 0.0
	for i, amount := range y.spread {
		if sum += amount; sum >= q*y.time {
			return float64(floor(i)) / 1e9
		}
	}
	return math.Inf(1)
}
