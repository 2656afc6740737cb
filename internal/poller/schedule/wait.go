package schedule

import "math"

// wait returns how many seconds after its last poll the sensor should be polled again, at a level. dither, in [0, 1),
// spreads rounding: of sensors that cannot have every reading, some then skip this one and some the next.
func (i *Interval) wait(level, dither float64) float64 {
	switch {
	case !i.Reported:
		return level * i.emptyFactor()
	case !i.regular():
		return level
	case i.Found, i.Polled < i.Newest+i.low+i.Delay.estimate(): // polled before there could be anything
		return i.untilNext(level, dither)
	}
	return level * i.retryFactor(i.Polled)
}

// rate returns the requests per second that the sensor takes at a level, on average.
func (i *Interval) rate(level float64) float64 {
	switch {
	case !i.Reported:
		return 1 / (level * i.emptyFactor())
	case !i.regular():
		return 1 / level
	case i.silent(i.Polled):
		return 1 / (level * i.retryFactor(i.Polled))
	}
	return 1 / (i.readings(level) * i.stride() * (1 - min(0.9, i.Wasted)))
}

// emptyFactor is how many levels a sensor waits that has never reported.
func (i *Interval) emptyFactor() float64 { return min(maxNeverReported, math.Exp2(float64(i.Empty))) }

// untilNext waits for the k-th reading from now: the first one if the level is below the reporting interval.
func (i *Interval) untilNext(level, dither float64) float64 {
	delay, stride := i.Delay.estimate(), i.stride()
	k := math.Floor(i.readings(level) + dither)
	sinceNewest := i.Polled - i.Newest
	if k > 1 {
		return (k-1)*stride + max(0, i.period+delay-sinceNewest)
	}
	return i.low + i.intoWindow(level) + delay + margin - sinceNewest
}

// intoWindow is how many seconds into the window of the next reading the sensor is polled.
func (i *Interval) intoWindow(level float64) float64 {
	window := i.up - i.low
	return min(max(level*math.Sqrt(window/2/i.period), min(1, window)), max(window, margin))
}

// readings is how many readings a wait should span, at least 1: the k at which k(k+1)/2 p^2, the worth of a poll after
// the k-th reading, reaches that of a request, T^2/2.
func (i *Interval) readings(level float64) float64 {
	r := level / i.stride()
	return max(1, math.Sqrt(0.25+r*r))
}

// retryFactor is the part of a level after which a sensor is polled again that had no new reading: small inside its
// window, 1 if it has been overdue for most of its silence.
func (i *Interval) retryFactor(now float64) float64 {
	silence := max(0, now-i.Newest)
	overdue := max(0, silence-i.up-i.Delay.estimate())
	return math.Sqrt(min(1, ((i.up-i.low)/2+1+overdue)/(silence+1)))
}

// waitWithin returns how many seconds after its last poll a sensor must be polled again so that the cached reading is
// never older than age while a newer one exists. A sensor that reports less often is polled when its next reading is
// expected, a silent one every age. For one that has never reported there is no bound: it would cost the full price.
func (i *Interval) waitWithin(age float64) float64 {
	if !i.Reported {
		return math.Inf(1)
	}
	wait := age - (i.Polled - i.Newest)
	if i.regular() && i.Found {
		wait = max(wait, i.low+i.Delay.estimate()+margin-(i.Polled-i.Newest))
	}
	if wait <= 0 {
		return age
	}
	return wait
}

// rateWithin returns the requests per second that it takes to keep the reading no older than age. On average a reading
// is half an interval old when it is fetched.
func (i *Interval) rateWithin(age float64) float64 {
	switch {
	case !i.Reported:
		return 0
	case i.period == 0:
		return 1 / age
	}
	fetched := min(age/2, i.period/2+max(0, i.Delay.estimate()))
	return 1 / max(age-fetched, i.stride())
}

// age returns the bounds between which the age of the reading rises at a level: least when it has just been fetched,
// most just before the next one is.
func (i *Interval) age(level float64) (least, most float64) {
	least = max(0, i.Delay.estimate()-(i.stride()-i.period)) + margin // of a batch the newest reading is exposed
	if !i.regular() {
		least += i.period // with random gaps, the reading that is found is one gap old on average
		return least, least + level
	}
	if i.readings(level) < 2 {
		least += i.fetchDelay(level)
	}
	return least, least + i.held(level)
}

// held is the time from one cached reading to the next. A level of 2.5 readings means two and three in turn, and the
// longer ones last longer.
func (i *Interval) held(level float64) float64 {
	k, part := math.Modf(i.readings(level))
	return i.stride() * (k*k + part*(2*k+1)) / (k + part)
}

// fetchDelay is how long a reading is visible on average before it is fetched, if the sensor is polled for each one: it
// comes anywhere in its window, and polls go through the window in steps.
func (i *Interval) fetchDelay(level float64) float64 {
	window := i.up - i.low
	into := i.intoWindow(level)
	return max(min(into, window)/2, into-window/2)
}

// polls returns how many polls a reading takes on average if the sensor is polled for each one: those that come too
// early, at least step seconds apart, and the one that gets it.
func (i *Interval) polls(level, step float64) float64 {
	again := level * math.Sqrt(min(1, ((i.up-i.low)/2+1)/(i.period+1)))
	return i.tries(i.intoWindow(level), max(step, again))
}

// tries is polls for a reading that comes anywhere in its window and is polled for first so far into it, then in steps.
func (i *Interval) tries(into, step float64) float64 {
	window := i.up - i.low
	left := window - into
	if left <= 0 {
		return 1
	}
	return 1 + left/window*(left/step+1)/2
}
