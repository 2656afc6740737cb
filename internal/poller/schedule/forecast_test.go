package schedule

import (
	"math"
	"testing"
	"time"
)

// every is the interval of a sensor that reports every so many seconds and has just been polled.
func every(period float64) *Interval {
	return Regular(time.Duration(period*float64(time.Second)), at(int(9*period)))
}

func TestIntervalAgeRisesUntilNextReading(t *testing.T) {
	for name, c := range map[string]struct{ period, level, want float64 }{
		"each reading":              {600, 60, 600},
		"level as long as interval": {600, 600, 600 * (1 + .118*3) / 1.118}, // about every ninth reading is skipped
		"one of ten":                {60, 600, 600},
		"two and three in turn":     {60, 150, 60 * (4 + .55*5) / 2.55},
		"all the time":              {1, 600, 600},
	} {
		least, most := every(c.period).age(c.level)
		if least < .2 || least > .5 || math.Abs(most-least-c.want) > .01*c.want {
			t.Errorf("%s: from %.2f to %.2f s, want a rise of %.2f", name, least, most, c.want)
		}
	}
}

func TestIntervalAgeOfIrregularSensorIsOneGapMore(t *testing.T) {
	i := &Interval{}
	i.Learn(500, []float64{0, 3.1, 41.7, 63.2, 70.9, 155.3, 187.4, 190.2, 261.8, 309.1, 322.6, 499.7}, true)
	if kindOf(i, 20) != KindIrregular || kindOf(i, 600) != KindFast {
		t.Errorf("kinds %s and %s", kindOf(i, 20), kindOf(i, 600))
	}
	if least, most := i.age(600); most-least != 600 || least < i.Period() {
		t.Errorf("from %.1f to %.1f s", least, most)
	}
}

func TestIntervalKindFollowsLatestPoll(t *testing.T) {
	i := every(10)
	if kindOf(i, 5) != KindSlow || kindOf(i, 11) != KindFast || kindOf(&Interval{}, 5) != KindNoReadings {
		t.Errorf("kinds %s, %s, %s", kindOf(i, 5), kindOf(i, 11), kindOf(&Interval{}, 5))
	}
	i.Learn(seconds(at(10_000)), nil, true)
	if kindOf(i, 5) != KindSilent {
		t.Errorf("after hours without reading: %s", kindOf(i, 5))
	}
}

func TestIntervalPollsIncludeEarlyOnes(t *testing.T) {
	if got := every(600).polls(1, 10); got != 1 {
		t.Errorf("regular sensor: %g polls per reading", got)
	}
	i := &Interval{}
	i.Learn(11*600, []float64{0, 620, 1200, 1790, 2400, 3030, 3600, 4180, 4800, 5420, 6000, 6590}, true)
	if window := i.up - i.low; window < 20 || window > 60 {
		t.Fatalf("window %g s", window)
	}
	if few, many := i.tries(margin, 100), i.tries(margin, 10); few < 1.4 || few > 1.8 || many < few+.5 {
		t.Errorf("target of 100 s: %.2f, of 10 s: %.2f", few, many)
	}
	if few, many := i.polls(1, 10), i.polls(1, 2); few < 1.5 || many < 2*few || i.polls(600, 10) != 1 {
		t.Errorf("steps of 10 s: %.2f, of 2 s: %.2f, at a high level %.2f", few, many, i.polls(600, 10))
	}
}
