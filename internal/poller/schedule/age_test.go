package schedule

import (
	"math"
	"testing"
)

// clockwork is a sensor that reports every so many seconds and has just been asked.
func clockwork(period float64) *Sensor {
	times := make([]float64, 12)
	for i := range times {
		times[i] = float64(i) * period
	}
	s := &Sensor{}
	s.Learn(11*period+.2, times, true)
	return s
}

func TestAgeRisesFromOneReadingHeldToTheNext(t *testing.T) {
	for name, row := range map[string]struct {
		period, turn float64
		most         float64
	}{
		"each reading":              {600, 60, 600},
		"each, and the turn as far": {600, 600, 600 * (1 + .118*3) / 1.118}, // every ninth or so is left out
		"one of ten":                {60, 600, 600},
		"two and three by turns":    {60, 150, 60 * (4 + .55*5) / 2.55},
		"all the time":              {1, 600, 600},
	} {
		least, most := clockwork(row.period).Age(row.turn)
		if least < .2 || least > .5 || math.Abs(most-least-row.most) > .01*row.most {
			t.Errorf("%s: from %.2f to %.2f s, want %.2f more", name, least, most, row.most)
		}
	}
}

func TestAgeOfARandomSensorHasAGapMore(t *testing.T) {
	s := &Sensor{}
	s.Learn(500, []float64{0, 3.1, 41.7, 63.2, 70.9, 155.3, 187.4, 190.2, 261.8, 309.1, 322.6, 499.7}, true)
	if s.Kind(20) != Irregular || s.Kind(600) != Fast {
		t.Errorf("kinds %s and %s", s.Kind(20), s.Kind(600))
	}
	if least, most := s.Age(600); most-least != 600 || least < s.Period() {
		t.Errorf("from %.1f to %.1f s", least, most)
	}
}

func TestKindsGoByWhatWasSeenLast(t *testing.T) {
	s := clockwork(10)
	if s.Kind(5) != Slow || s.Kind(11) != Fast || (&Sensor{}).Kind(5) != Unreported {
		t.Error("a sensor's kind is wrong")
	}
	s.Learn(10_000, nil, true)
	if s.Kind(5) != Silent {
		t.Error("it has been silent for hours")
	}
}

func TestTriesCountThoseThatComeTooEarly(t *testing.T) {
	if got := clockwork(600).Tries(1, 10); got != 1 {
		t.Errorf("like clockwork: %g", got)
	}
	if got := clockwork(600).TriesWithin(60); got != 1 {
		t.Errorf("like clockwork, by a promise: %g", got)
	}
	s := &Sensor{}
	s.Learn(11*600, []float64{0, 620, 1200, 1790, 2400, 3030, 3600, 4180, 4800, 5420, 6000, 6590}, true)
	if window := s.up - s.low; window < 20 || window > 60 {
		t.Fatalf("window %g s", window)
	}
	if few, many := s.TriesWithin(100), s.TriesWithin(10); few < 1.4 || few > 1.8 || many < few+.5 {
		t.Errorf("by a promise of 100 s: %.2f, of 10 s: %.2f", few, many)
	}
	if few, many := s.Tries(1, 10), s.Tries(1, 2); few < 1.5 || many < 2*few || s.Tries(600, 10) != 1 {
		t.Errorf("steps of 10 s: %.2f, of 2 s: %.2f, at a long turn %.2f", few, many, s.Tries(600, 10))
	}
}
