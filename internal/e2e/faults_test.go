package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
)

// works is a plant of machines "Press 1" ... with sensors "Pressure 1" ..., each with a reading every second. Those that
// fall silent have no reading from a moment on.
func works(machines, sensors int) simulator.Plant {
	p := simulator.Plant{Company: simulator.Company{ID: "works.example", Name: `Works "North" & Sons`}}
	for i := 1; i <= machines; i++ {
		p.Company.Machines = append(p.Company.Machines, press(i, sensors, time.Time{}))
	}
	return p
}

func press(number, sensors int, until time.Time) simulator.Machine {
	m := simulator.Machine{ID: fmt.Sprintf("press-%d", number), Name: fmt.Sprintf("Press %d", number)}
	for i := 1; i <= sensors; i++ {
		m.Sensors = append(m.Sensors, pressure(m.ID, i, until))
	}
	return m
}

func pressure(machine string, number int, until time.Time) simulator.Sensor {
	s := simulator.Sensor{
		ID: fmt.Sprintf("%s-p%d", machine, number), Name: fmt.Sprintf("Pressure %d", number), Unit: "bar", Period: time.Second,
		Delay: 100 * time.Millisecond, Value: func(at time.Time) any { return float64(at.Unix() % 100) },
	}
	if !until.IsZero() {
		s.Exists = func(at time.Time) bool { return at.Before(until) }
	}
	return s
}

// row is a line of the table at the end.
type row struct {
	fault, alert, suppressed string
	fired, resolved          time.Duration
}

// faulty is a stack in which one fault after the other is made and mended.
type faulty struct {
	*stack
	rows []row
}

// notified waits until an alert arrives in a status, and returns it and how long that took.
func (f *faulty) notified(alert, status string, begin time.Time, within time.Duration) (arrival, time.Duration) {
	f.Helper()
	var found []arrival
	await(f.T, alert+" "+status, within, func() bool {
		found = named(f.receiver.since(begin), alert, status)
		return len(found) > 0
	})
	return found[0], found[0].at.Sub(begin)
}

// run makes a fault and mends it: exactly one alert must arrive, with these words, and must resolve.
func (f *faulty) run(fault, alert string, words []string, begin, end func()) {
	f.Helper()
	start := time.Now()
	begin()
	a, fired := f.notified(alert, "firing", start, 3*time.Minute)
	for _, word := range append(words, "runbook.md#"+strings.ToLower(alert)) {
		if !strings.Contains(a.text()+a.Annotations["runbook_url"], word) {
			f.Errorf("%s: %q is not in %s\n%s", fault, word, a.text(), a.Annotations["runbook_url"])
		}
	}
	time.Sleep(5 * time.Second) // what else follows from the fault would come now
	arrived := f.receiver.since(start)
	if n := len(named(arrived, alert, "firing")); n != 1 {
		f.Errorf("%s: %d notifications of %s, want 1", fault, n, alert)
	}
	if other := others(arrived, alert); other != "" {
		f.Errorf("%s: also notified of\n%s", fault, other)
	}
	held := fmt.Sprint(f.suppressed())
	mended := time.Now()
	end()
	_, resolved := f.notified(alert, "resolved", mended, 3*time.Minute)
	f.rows = append(f.rows, row{fault, alert, strings.TrimPrefix(held, "map"), fired, resolved})
	f.settle()
}

// settle waits until nothing fires but what is only to be known, and the series that rules look back at are there.
func (f *faulty) settle() {
	f.Helper()
	await(f.T, "quiet", 3*time.Minute, func() bool {
		return f.query(`ALERTS{alertstate="firing", severity!="info"}`) == 0 && f.query("innius_sensor_value offset 12s") == 12 &&
			f.query("innius:sensor_silent_after:seconds") == 12
	})
	time.Sleep(3 * time.Second) // Alertmanager has said so, too
}

// newFaulty is a stack over a healthy plant, of which everything has been learned.
func newFaulty(t *testing.T) *faulty {
	t.Helper()
	t.Parallel() // most of the time is waited
	f := &faulty{stack: newStack(t, works(3, 4), simulator.Limits{PerHour: 40000, Burst: 100})}
	f.requestsPerHour = 36000
	f.writeConfig()
	f.reload()
	f.settle()
	return f
}

func TestWhatHappensToThePlantAlertsOnceAndResolves(t *testing.T) {
	f := newFaulty(t)
	f.run("a sensor falls silent", "InniusSensorSilent", []string{"Pressure 2", "Press 1", "bar", "Works \"North\" & Sons"},
		func() { f.api.AddSensor("press-1", pressure("press-1", 2, time.Now())) },
		func() { f.api.AddSensor("press-1", pressure("press-1", 2, time.Time{})) })
	f.run("a machine is switched off", "InniusMachineOff", []string{"Press 2", "Works \"North\" & Sons"},
		func() { f.api.AddMachine(press(2, 4, time.Now())) },
		func() { f.api.AddMachine(press(2, 4, time.Time{})) })
	f.keyIsRevoked()
	f.table()
}

func TestWhatHappensToTheExporterAlertsOnceAndResolves(t *testing.T) {
	f := newFaulty(t)
	var heal func()
	f.run("innius answers 500", "InniusUnreachable", []string{"acme", "Works \"North\" & Sons"},
		func() { heal = f.api.Inject(simulator.Fault{Kind: simulator.ServerError}) },
		func() { heal() })
	f.run("the exporter is killed", "InniusExporterDown", []string{f.address}, f.exporterDies, f.startExporter)
	f.run("a config with a mistake", "InniusConfigReloadFailed", []string{f.address},
		func() { write(t, f.file("config.yml"), "accounts: []"); f.reload() },
		func() { f.writeConfig(); f.reload() })
	f.table()
}

func TestALimitThatIsHalvedAlertsOnceAndResolves(t *testing.T) {
	f := newFaulty(t)
	f.run("the limit is halved", "InniusRateLimitLowered", []string{"acme", "Works \"North\" & Sons"},
		func() { f.api.SetLimits(simulator.Limits{PerHour: 20000, Burst: 100}) },
		func() { f.requestsPerHour = 18000; f.writeConfig(); f.reload() }) // as the runbook says
	f.table()
}

func (f *faulty) exporterDies() { f.exporter.kill() }

// keyIsRevoked: while a sensor is silent the key is refused. The receiver hears of the key alone, and the sensor's alert is
// held back.
func (f *faulty) keyIsRevoked() {
	f.Helper()
	start := time.Now()
	f.api.AddSensor("press-3", pressure("press-3", 1, start))
	f.notified("InniusSensorSilent", "firing", start, 3*time.Minute)
	const secondKey = "canary-key-9876543210"
	f.run("the key is revoked, while a sensor is silent", "InniusKeyFailed", []string{"acme", "Works \"North\" & Sons"},
		func() { f.api.RevokeKey(http.StatusUnauthorized) },
		func() {
			if f.suppressed()["InniusSensorSilent"] != 1 {
				f.Errorf("suppressed are %v, want the silent sensor", f.suppressed())
			}
			f.api.SetKey(secondKey)
			f.writeKey(secondKey)
			f.api.AddSensor("press-3", pressure("press-3", 1, time.Time{}))
		})
}

// reload asks for a reload; whether it succeeds is for the alerts to tell.
func (f *faulty) reload() {
	f.Helper()
	req, err := http.NewRequestWithContext(f.Context(), http.MethodPost, "http://"+f.address+"/-/reload", http.NoBody)
	if err != nil {
		f.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}

func (f *faulty) table() {
	text := new(strings.Builder)
	fmt.Fprintf(text, "Prometheus %s, a minute of the rules is a second\n", f.prometheusVersion)
	fmt.Fprintln(text, "| fault | alert | suppressed meanwhile | notified after | resolved after |\n| --- | --- | --- | --- | --- |")
	for _, r := range f.rows {
		fmt.Fprintf(text, "| %s | %s | %s | %.0f s | %.0f s |\n", r.fault, r.alert, r.suppressed, r.fired.Seconds(), r.resolved.Seconds())
	}
	f.Log("\n" + text.String())
}
