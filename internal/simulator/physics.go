package simulator

import (
	"math"
	"time"
)

// signal is a physical quantity over time: pure, smooth where nature is, finite.
type signal func(at time.Time) float64

// constant never changes.
func constant(v float64) signal { return func(time.Time) float64 { return v } }

// scaled is gain times a signal plus an offset.
func (s signal) scaled(gain, offset float64) signal {
	return func(at time.Time) float64 { return gain*s(at) + offset }
}

func (s signal) plus(o signal) signal {
	return func(at time.Time) float64 { return s(at) + o(at) }
}

func (s signal) times(o signal) signal {
	return func(at time.Time) float64 { return s(at) * o(at) }
}

// power raises a signal that is never negative, as a pump's pressure follows the square of its speed.
func (s signal) power(exponent float64) signal {
	return func(at time.Time) float64 { return math.Pow(max(0, s(at)), exponent) }
}

// clamp keeps a signal within what the quantity can be.
func (s signal) clamp(low, high float64) signal {
	return func(at time.Time) float64 { return min(high, max(low, s(at))) }
}

// wave swings around 0 by up to 1, with a period and a place in it that its name decides.
func wave(name string, period time.Duration) signal {
	phase := ratio(textHash(name))
	return func(at time.Time) float64 {
		return math.Sin(2 * math.Pi * (fraction(at, period) + phase))
	}
}

// fraction is the place of a time in its period, from 0 to 1.
func fraction(at time.Time, period time.Duration) float64 {
	ns := at.UnixNano()
	return float64(ns-floorDiv(ns, int64(period))*int64(period)) / float64(period)
}

// noise is hashed from a name and the time: uniform between -1 and 1, the same value at each call.
func noise(name string) signal {
	seed := textHash(name)
	return func(at time.Time) float64 { return 2*ratio(mix(seed, uint64(at.UnixNano()))) - 1 }
}

// drift is noise that changes slowly: hashed once a step, joined smoothly between.
func drift(name string, step time.Duration) signal {
	seed := textHash(name)
	return func(at time.Time) float64 {
		i := floorDiv(at.UnixNano(), int64(step))
		a, b := 2*ratio(mix(seed, uint64(i)))-1, 2*ratio(mix(seed, uint64(i+1)))-1
		x := fraction(at, step)
		return a + (b-a)*x*x*(3-2*x)
	}
}

// sawtooth falls from 1 to 0 in each period, then is filled up again: a tank, a tool's edge.
func sawtooth(name string, period time.Duration) signal {
	phase := ratio(textHash(name))
	return func(at time.Time) float64 {
		_, x := math.Modf(fraction(at, period) + phase)
		return 1 - x
	}
}

const (
	day  = 24 * time.Hour
	year = 8766 * time.Hour
)

// ambient is the temperature of the air in a hall, in °C: seasons, days and weather.
func ambient(at time.Time) float64 {
	season := -math.Cos(2 * math.Pi * (fraction(at, year) - 0.05))
	hour := -math.Cos(2 * math.Pi * (fraction(at.Add(plantOffset), day) - 0.12))
	return 18 + 6*season + 2.5*hour + 1.5*drift("weather", 8*time.Hour)(at)
}

// wind is the wind speed at the turbine in m/s: weather, gusts, never a calm that lasts.
func wind(at time.Time) float64 {
	weather := 8.5 + 3.5*drift("wind", 7*time.Hour)(at)
	return max(0, weather*(1+0.12*drift("gust", 20*time.Second)(at)+0.15*drift("squall", 4*time.Minute)(at)))
}
