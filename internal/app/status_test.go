package app

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"innius_exporter/collector"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/simulator"
	"innius_exporter/internal/status"
	"innius_exporter/internal/web"
)

// reporting is a machine of five numbers and a text, which report every so often.
func reporting(id string, every time.Duration) simulator.Machine {
	m := simulator.Machine{ID: id, Name: "Machine " + id}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		m.Sensors = append(m.Sensors, simulator.Sensor{ID: id + name, Name: "Sensor " + name, Unit: "bar", Period: every})
	}
	text := simulator.Sensor{ID: id + "t", Name: "Text", Period: every, Value: func(time.Time) any { return "RUN" }}
	m.Sensors = append(m.Sensors, text)
	return m
}

// polling runs a poller of two machines in virtual time; show returns the status page and what it shows.
func polling(t *testing.T, test func(api *simulator.Server, show func(query string) (string, *status.Status))) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		machines := []simulator.Machine{reporting("m1", time.Second), reporting("m2", time.Second)}
		plant := simulator.Plant{Company: simulator.Company{ID: "works", Name: "Works", Machines: machines}}
		api := simulator.New(plant, simulator.Options{Key: "key"})
		opts, closeAll := optionsOver(t, "acme", api)
		defer closeAll()
		live := newReloadable(poller.New(opts))
		pages, err := web.Handler(web.Options{
			Source: live, Exporter: func() status.Exporter { return status.Exporter{} }, Collector: collector.New(live.poller),
			Registry: prometheus.NewRegistry(), MetricsPath: "/metrics", Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		begin := make(chan struct{})
		close(begin)
		var running sync.WaitGroup
		running.Go(func() { live.run(ctx, begin) })
		test(api, func(query string) (string, *status.Status) {
			w := httptest.NewRecorder()
			pages.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/status"+query, http.NoBody))
			page, _ := io.ReadAll(w.Body)
			s, err := live.Status(status.Selection{})
			if err != nil {
				t.Fatal(err)
			}
			return string(page), s
		})
		cancel()
		running.Wait()
	})
}

// A sensor that sends text never is silent: it has no number that could be missing.
func TestStatusPageShowsTextSensorAsUnreadable(t *testing.T) {
	polling(t, func(_ *simulator.Server, show func(string) (string, *status.Status)) {
		time.Sleep(3 * time.Hour)
		page, s := show("")
		a := s.Accounts[0]
		if a.Sensors[poller.SensorUnreadable] != 2 || a.Sensors[poller.SensorCurrent] != 10 || a.Machines[0].Status != poller.MachineOK {
			t.Errorf("sensors %v, machine %s", a.Sensors, a.Machines[0].Status)
		}
		if !strings.Contains(page, `>unreadable</b>`) || strings.Contains(page, ">silent</b>") {
			t.Error(page)
		}
		if text := a.Machines[0].Sensors.At(5); text.Interval != 0 || !strings.Contains(text.Reason, `the text "RUN"`) {
			t.Errorf("%+v", text)
		}
	})
}

// During an outage nothing stays current, and each sensor shows why and since when.
func TestStatusPageShowsOutageAtEachSensor(t *testing.T) {
	polling(t, func(api *simulator.Server, show func(string) (string, *status.Status)) {
		time.Sleep(10 * time.Minute)
		began := time.Now()
		api.Inject(simulator.Fault{Kind: simulator.Reset})
		time.Sleep(7 * time.Minute)
		page, s := show("")
		a := s.Accounts[0]
		if a.Sensors[poller.SensorDelayed] != 10 || a.Sensors[poller.SensorCurrent] != 0 {
			t.Errorf("sensors %v", a.Sensors)
		}
		since := a.FailingSince.Sub(began)
		reason := a.Machines[0].Sensors.At(0).Reason
		if since < 0 || since > time.Minute || !strings.HasPrefix(reason, "Delayed: innius cannot be reached, since "+a.FailingSince.Format(time.RFC3339)) {
			t.Errorf("failing after %s: %s", since, reason)
		}
		if n := strings.Count(page, `badge failing">down`); n != 1 || strings.Contains(page, `badge current">up`) {
			t.Errorf("%d verdicts in %s", n, page)
		}
	})
}

// Sensors that innius refuses do not stay current while the others do.
func TestStatusPageShowsRefusedSensorsAsFailing(t *testing.T) {
	polling(t, func(api *simulator.Server, show func(string) (string, *status.Status)) {
		time.Sleep(10 * time.Minute)
		for _, sensor := range []string{"m2a", "m2b", "m2c", "m2d", "m2e", "m2t"} {
			api.Inject(simulator.Fault{Kind: simulator.ServerError, Object: sensor})
		}
		time.Sleep(20 * time.Minute)
		_, s := show("")
		a := s.Accounts[0]
		refused := a.Machines[1]
		if refused.ByStatus[poller.SensorFailing] != 6 || a.Machines[0].ByStatus[poller.SensorCurrent] != 5 || a.Machines[0].Status != poller.MachineOK {
			t.Errorf("m1 %v, m2 %v", a.Machines[0].ByStatus, refused.ByStatus)
		}
		if one := refused.Sensors.At(0); !strings.HasPrefix(one.Reason, "Failing since 20") || !strings.Contains(one.Reason, "500") {
			t.Errorf("%+v", one)
		}
	})
}

// During the first discovery most sensors are not known yet, and what depends on their number would be wrong by any factor.
func TestStatusPageHasNoPlanDuringFirstDiscovery(t *testing.T) {
	polling(t, func(api *simulator.Server, show func(string) (string, *status.Status)) {
		api.Inject(simulator.Fault{Kind: simulator.Hang, Op: simulator.OpSensors, Object: "m2"})
		time.Sleep(5 * time.Second) // its request is under way
		page, s := show("")
		a := s.Accounts[0]
		if a.Discovery.Ended || a.Sensors[poller.SensorCurrent] == 0 || a.Plan != "" || a.Cycle != 0 {
			t.Errorf("%+v", a)
		}
		for _, wrong := range []string{"<dt>Cycle", "<dt>Demand", "get up to", "A poll follows", "interval is known"} {
			if strings.Contains(page, wrong) {
				t.Errorf("%q in %s", wrong, page)
			}
		}
		time.Sleep(10 * time.Minute)
		if page, s := show(""); s.Accounts[0].Plan == "" || s.Accounts[0].Cycle == 0 || !strings.Contains(page, "<dt>Demand") {
			t.Errorf("after it: %+v", s.Accounts[0])
		}
	})
}
