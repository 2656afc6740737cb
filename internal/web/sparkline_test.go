package web

import (
	"math"
	"slices"
	"strings"
	"testing"

	"innius_exporter/internal/status"
)

// points are readings at seconds.
func points(pairs ...float64) (readings [][2]float64) {
	for pair := range slices.Chunk(pairs, 2) {
		readings = append(readings, [2]float64{float64(now.Unix()) + pair[0], pair[1]})
	}
	return readings
}

func TestSparklineShowsShapeAndGaps(t *testing.T) {
	for name, c := range map[string]struct {
		readings [][2]float64
		interval float64
		path     string
		title    string
	}{
		"a rise":          {points(0, 1, 10, 2, 20, 3), 10, "m2 18l48-8 48-8", "3 readings, 1 to 3, in 20s"},
		"unknown pace":    {points(0, 1, 10, 2, 1000, 3), 0, "m2 18l1-8 95-8", "3 readings, 1 to 3, in 16m 40s"},
		"a gap":           {points(0, 1, 10, 1, 90, 3, 100, 3), 10, "m2 18l10 0m76-16l10 0", "4 readings, 1 to 3, in 1m 40s"},
		"a lone one":      {points(0, 1, 50, 3, 100, 1), 10, "m2 18h0m48-16h0m48 16h0", "3 readings, 1 to 3, in 1m 40s"},
		"a single one":    {points(0, 7), 10, "m50 10h0", "1 reading: 7"},
		"nothing changes": {points(0, 7, 10, 7), 10, "m2 10l96 0", "2 readings, 7 to 7, in 10s"},
		"huge":            {points(0, -math.MaxFloat64, 10, math.MaxFloat64), 10, "m2 18l96-16", "2 readings, -1.79769e+308 to 1.79769e+308, in 10s"},
	} {
		s := &status.Sensor{Recent: c.readings}
		if c.interval > 0 {
			s.Interval = c.interval
		}
		got := string(markup(nil).sparkline(s))
		if !strings.Contains(got, `d="`+c.path+`"`) || !strings.Contains(got, "<title>"+c.title+"</title>") {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := markup(nil).sparkline(&status.Sensor{}); len(got) > 0 {
		t.Errorf("a sensor without readings has the line %s", got)
	}
}
