package e2e

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
	"innius_exporter/internal/testport"
)

const (
	peaks     = 200
	peakEvery = 250 * time.Millisecond
	peakAt    = 1000 // value
)

// peaking is a plant of sensors with a reading every 500 ms. Each has one peak, of one reading, at its own time after begin.
func peaking(begin *atomic.Int64) simulator.Plant {
	p := presses(10, peaks/10)
	for i := range p.Company.Machines {
		for j := range p.Company.Machines[i].Sensors {
			offset := (time.Duration(i*peaks/10+j) * peakEvery).Truncate(500 * time.Millisecond)
			s := &p.Company.Machines[i].Sensors[j]
			s.Period = 500 * time.Millisecond
			s.Value = func(at time.Time) any {
				if at.UnixNano() == begin.Load()+int64(offset) {
					return peakAt
				}
				return at.Unix() % 100
			}
		}
	}
	return p
}

// Real servers scrape every 15 s and every 60 s; here they and the polls are 15 times faster. The exporter is killed four times,
// each time when it has just written what it knows, so that it reads no peak of before again.
func TestEachPeakReachesEachPrometheus(t *testing.T) {
	t.Parallel()
	begin := &atomic.Int64{}
	s := newExporter(t, peaking(begin), simulator.Limits{PerHour: 250_000, Burst: 100}, "sensors: [{extremes: true}]\n")
	servers := map[string]*stack{}
	for _, interval := range []string{"1s", "4s"} {
		servers[interval] = s.startServer(interval)
	}
	for _, server := range servers {
		waitFor(t, "all sensors", func() bool { return server.count("innius_sensor_value_max") == peaks })
	}
	start := time.Now().Add(time.Second).Truncate(time.Second)
	begin.Store(start.UnixNano())
	kills := 4
	for i := range kills {
		time.Sleep(time.Until(start.Add(time.Duration(i+1) * peaks * peakEvery / time.Duration(kills+1))))
		s.save()
		s.exporter.kill()
		s.startExporter()
	}
	time.Sleep(time.Until(start.Add(peaks * peakEvery)))
	seen := func(server *stack, metric string) int {
		return server.count(fmt.Sprintf("max_over_time(%s[1h]) == %d", metric, peakAt))
	}
	for interval, server := range servers {
		waitFor(t, "the peaks at the server that scrapes every "+interval, func() bool {
			return seen(server, "innius_sensor_value_max") >= peaks*99/100
		})
	}
	time.Sleep(5 * time.Second)
	for interval, server := range servers {
		t.Logf("scraped every %s: %d of %d peaks in innius_sensor_value_max, %d in innius_sensor_value", interval,
			seen(server, "innius_sensor_value_max"), peaks, seen(server, "innius_sensor_value"))
	}
}

// startServer starts a Prometheus that scrapes the exporter.
func (s *stack) startServer(interval string) *stack {
	s.Helper()
	other := *s
	other.prometheus = testport.Free(s.T)
	config := s.file("prometheus-" + interval + ".yml")
	write(s.T, config, fmt.Sprintf("scrape_configs: [{job_name: innius, scrape_interval: %s, static_configs: [{targets: [%q]}]}]\n",
		interval, s.address))
	launch(s.T, *prometheusPath, "--config.file="+config, "--storage.tsdb.path="+s.file("data-"+interval),
		"--web.listen-address="+other.prometheus)
	other.waitReady("Prometheus", other.prometheus)
	return &other
}

// save lets the exporter write its state, as a reload does.
func (s *stack) save() {
	s.Helper()
	written := func() time.Time {
		info, err := os.Stat(s.file("state/state"))
		if err != nil {
			s.Fatal(err)
		}
		return info.ModTime()
	}
	before := written()
	s.reload()
	waitFor(s.T, "the state file", func() bool { return written().After(before) })
}
