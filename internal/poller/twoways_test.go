package poller

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// checkBothWays fails where what the exporter serves is not what a registry makes of the same collector, byte for byte.
// Every story ends with it.
func (s *story) checkBothWays() {
	s.Helper()
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(s.poller.opts.Metrics)
	gauges := NewCollector(func() *Poller { return s.poller })
	families, done, err := prometheus.NewMultiTRegistry(prometheus.ToTransactionalGatherer(metrics), gauges).Gather()
	defer done()
	if err != nil {
		s.Errorf("gather: %v", err)
	}
	compareLines(s.T, string(encoded(s.T, families)), string(s.exposition()))
}

func encoded(t *testing.T, families []*dto.MetricFamily) []byte {
	t.Helper()
	var text bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	return text.Bytes()
}

func TestBothWaysOfGatheringGiveTheSameBytes(t *testing.T) {
	hostile := works(3, 3)
	hostile.Company.Name = "Wörks \"&\" \\ sons\nLtd."
	hostile.Company.Machines[0].Name = "Press \"1\"\\\n"
	hostile.Company.Machines[1].Name = hostile.Company.Machines[0].Name // a clash
	hostile.Company.Machines[2].Name = strings.Repeat("ü", 200)
	for i := range hostile.Company.Machines {
		sensors := hostile.Company.Machines[i].Sensors
		sensors[0].Name, sensors[1].Name = "same\t", "same\t"
		sensors[2].Unit = "\xff°C\n"
		sensors[1].Exists = func(at time.Time) bool { return at.Before(dawn.Add(30 * time.Minute)) } // grows stale
	}
	other := works(2, 2) // another company of one name, whose ids sort otherwise than its machines' names
	other.Company.ID, other.Company.Name = "a.example", hostile.Company.Name
	other.Company.Machines[0].Name, other.Company.Machines[1].Name = "Zeta", "Alpha"
	begin := setting{plant: hostile, perHour: 3000, more: []setting{{plant: other, perHour: 3000}, {plant: hostile, perHour: 3000}}}
	begin.options = func(o *Options) { o.StaleAfter = time.Hour }
	play(t, begin, func(s *story) {
		for range 40 {
			s.pass(3 * time.Minute)
			s.checkBothWays()
		}
		if all := s.gather(); all.count("innius_sensor_info") != 13 || all.count("innius_sensor_value") != 10 {
			t.Errorf("%d sensors with %d values, want 13 with 10, three being stale", all.count("innius_sensor_info"), all.count("innius_sensor_value"))
		}
	})
}

func TestAScrapeOnItsWayToASlowClientNeverChanges(t *testing.T) {
	play(t, setting{plant: works(3, 4), perHour: 3000}, func(s *story) {
		s.pass(time.Minute)
		c := NewCollector(func() *Poller { return s.poller })
		slow, done, _ := c.Gather()
		before := encoded(t, slow)
		for range 3 {
			s.pass(time.Minute)
			s.api.AddMachine(machineOf(9, 5))
			quick, done, _ := c.Gather()
			now := encoded(t, quick)
			if bytes.Equal(now, before) {
				t.Error("nothing new in a minute")
			}
			done()
			done() // once more does no harm
		}
		if !bytes.Equal(encoded(t, slow), before) {
			t.Error("a later scrape changed one that was still being sent")
		}
		done()
	})
}

func TestAScrapeAllocatesAsOftenForManySensorsAsForFew(t *testing.T) {
	allocations := func(sensors int) float64 {
		p := Loaded(t, sensors, 1)
		c := NewCollector(func() *Poller { return p })
		return testing.AllocsPerRun(10, func() {
			if _, _, err := c.Gather(); err != nil { // never done, so that nothing is used again
				t.Fatal(err)
			}
		})
	}
	few, many := allocations(200), allocations(20_000)
	if many > few+5 {
		t.Errorf("%.0f allocations for 20000 sensors, %.0f for 200", many, few)
	}
}
