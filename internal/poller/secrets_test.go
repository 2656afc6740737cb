package poller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
)

// Every scenario looks for the key in log, status and metrics. Here the API echoes it wherever it can.
func TestEchoedKeyIsRedacted(t *testing.T) {
	begin := setup{plant: testPlant(3, 3), perHour: 900}
	for _, m := range begin.plant.Company.Machines {
		m.Sensors[0].Value = func(time.Time) any { return "text with " + testKey }
	}
	begin.plant.Company.Machines[2].Sensors[1].Name = "Sensor " + strings.ToUpper(testKey)
	echo := func(op, object string) simulator.Fault {
		return simulator.Fault{Kind: simulator.EchoKey, Op: op, Object: object, From: dawn.Add(time.Minute)}
	}
	begin.faults = []simulator.Fault{echo(simulator.OpValues, "m1-s3"), echo(simulator.OpSensors, "m2"), echo(simulator.OpCompany, "")}
	begin.options = func(o *Options) { o.DiscoveryInterval = 2 * time.Minute }
	runScenario(t, begin, func(s *scenario) {
		s.advance(10 * time.Minute)
		if s.api.Stats().Faults[simulator.EchoKey] < 3 {
			t.Fatal("the key was not repeated")
		}
		for place, text := range map[string]string{"log": s.log.text(), "status": s.facts(), "metrics": fmt.Sprint(s.gather())} {
			cut := strings.Contains(text, "<secret>") || strings.Contains(text, `\u003csecret\u003e`)
			if !cut && place != "metrics" || !strings.Contains(text, "the API returned the key") && place != "metrics" || strings.Contains(strings.ToLower(text), strings.ToLower(testKey)) {
				t.Errorf("the %s shows the key, or not where it was cut out:\n%s", place, text)
			}
		}
	})
}

func TestKeyIsSentInHeader(t *testing.T) {
	runScenario(t, setup{plant: testPlant(1, 1)}, func(s *scenario) {
		s.advance(time.Minute)
		if stats := s.api.Stats(); stats.Of("", 200) < 4 || stats.Of("", 401) != 0 {
			t.Errorf("%+v", stats)
		}
	})
}
