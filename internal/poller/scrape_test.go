package poller

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"innius_exporter/internal/simulator"
)

func TestFiftyScrapersSeeWholeListsWhileEverythingChanges(t *testing.T) {
	begin := looking(6, 4)
	overlap := []simulator.Fault{slow(40 * time.Millisecond)}
	begin.faults, begin.perHour, begin.burst = overlap, 20000, 200
	begin.options = func(o *Options) { o.DiscoveryInterval = 15 * time.Second }
	begin.more = []setting{{plant: works(6, 4), faults: overlap, perHour: 20000, burst: 200}}
	play(t, begin, func(s *story) {
		var scrapers sync.WaitGroup
		for i := range 50 {
			scrapers.Go(func() { s.scrapeOften(time.Duration(i) * 7 * time.Millisecond) })
		}
		for i := range 10 {
			s.pass(6 * time.Second)
			s.change(i)
		}
		scrapers.Wait()
		s.pass(2 * time.Minute)
		s.checkValues()
	})
}

// change makes something come or go, for both accounts.
func (s *story) change(i int) {
	for _, api := range s.apis {
		api.AddMachine(machineOf(7+i, 4))
		api.RemoveMachine(fmt.Sprintf("m%d", 1+i/2))
		api.AddSensor("m6", sensorOf("m6", 5+i))
	}
}

// scrapeOften scrapes and reads the status for a minute of virtual time.
func (s *story) scrapeOften(phase time.Duration) {
	time.Sleep(phase)
	for range 6 {
		s.checkScrape()
		s.poller.Status()
		s.poller.Ready()
		s.poller.Stuck()
		time.Sleep(10*time.Second + phase)
	}
}

// checkScrape fails where a scrape is not consistent: a value without its timestamp, or half a machine.
func (s *story) checkScrape() {
	all := s.gather()
	s.checkPairs(all)
	perMachine := map[string]int{}
	for sensor := range all.values("innius_sensor_info") {
		_, rest, _ := strings.Cut(sensor, `machine_id="`)
		machine, _, _ := strings.Cut(rest, `"`)
		perMachine[machine]++
	}
	for machine, n := range perMachine {
		if n < 4 {
			s.Errorf("a scrape saw %d of at least 4 sensors of machine %s", n, machine)
		}
	}
}

func (s *story) checkPairs(all samples) {
	stamps := all.values("innius_sensor_timestamp_seconds")
	for sensor, value := range all.values("innius_sensor_value") {
		if stamps[sensor] != value {
			s.Errorf("a scrape saw %s with value %v and timestamp %v", sensor, value, stamps[sensor])
		}
	}
}

func TestCollectAsksNothingOfTheAPI(t *testing.T) {
	play(t, setting{plant: works(3, 3), perHour: 60, burst: 20}, func(s *story) {
		s.pass(time.Second)
		sent := s.api.Stats().Requests
		for range 100 {
			s.gather()
		}
		if n := s.api.Stats().Requests; n != sent {
			t.Errorf("100 scrapes sent %d requests", n-sent)
		}
	})
}

func TestCollectorDescribesWhatItCollects(t *testing.T) {
	play(t, setting{plant: works(1, 1)}, func(s *story) {
		descs := make(chan *prometheus.Desc, 100)
		NewCollector(func() *Poller { return s.poller }).Describe(descs)
		close(descs)
		for d := range descs {
			if !strings.Contains(d.String(), `fqName: "innius_`) {
				t.Errorf("a name without our prefix: %s", d)
			}
		}
	})
}
