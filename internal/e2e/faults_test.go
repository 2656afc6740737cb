package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
)

// presses is a plant with machines "Press 1" ... and sensors "Pressure 1" ..., each with a reading every second.
func presses(machines, sensors int) simulator.Plant {
	p := simulator.Plant{Company: simulator.Company{ID: "works.example", Name: `Works "North" & Sons`}}
	for i := 1; i <= machines; i++ {
		p.Company.Machines = append(p.Company.Machines, press(i, sensors, time.Time{}))
	}
	return p
}

// press has no readings from a time on, if until is not zero.
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

// row is a row of the table that is logged at the end.
type row struct {
	fault, alert, suppressed string
	fired, resolved          time.Duration
}

// faultTest injects faults into a stack, one after the other, and ends them.
type faultTest struct {
	*stack
	rows []row
}

// waitForAlert waits for the notification of an alert, and returns it and its delay.
func (f *faultTest) waitForAlert(alert, status string, begin time.Time) (arrival, time.Duration) {
	f.Helper()
	var found []arrival
	waitFor(f.T, alert+" "+status, func() bool {
		found = named(f.receiver.since(begin), alert, status)
		return len(found) > 0
	})
	return found[0], found[0].at.Sub(begin)
}

// run begins and ends a fault: exactly one alert must be notified, with these words, and be resolved.
func (f *faultTest) run(fault, alert string, words []string, begin, end func()) {
	f.Helper()
	start := time.Now()
	begin()
	a, fired := f.waitForAlert(alert, "firing", start)
	for _, word := range append(words, "runbook.md#"+strings.ToLower(alert)) {
		if !strings.Contains(a.text()+a.Annotations["runbook_url"], word) {
			f.Errorf("%s: %q is not in %s\n%s", fault, word, a.text(), a.Annotations["runbook_url"])
		}
	}
	time.Sleep(5 * time.Second) // other alerts of the fault would be notified now
	arrived := f.receiver.since(start)
	if n := len(named(arrived, alert, "firing")); n != 1 {
		f.Errorf("%s: %d notifications of %s, want 1", fault, n, alert)
	}
	if other := others(arrived, alert); other != "" {
		f.Errorf("%s: also notified of\n%s", fault, other)
	}
	held := fmt.Sprint(f.suppressed())
	ended := time.Now()
	end()
	_, resolved := f.waitForAlert(alert, "resolved", ended)
	f.rows = append(f.rows, row{fault, alert, strings.TrimPrefix(held, "map"), fired, resolved})
	f.settle()
}

// settle waits until only alerts of severity info fire, and the series exist for as long as the rules look back.
func (f *faultTest) settle() {
	f.Helper()
	waitFor(f.T, "no firing alert", func() bool {
		return f.count(`ALERTS{alertstate="firing", severity!="info"}`) == 0 && f.count("innius_sensor_value offset 12s") == 12 &&
			f.count("innius_sensor_reporting_interval_seconds") == 12
	})
	time.Sleep(3 * time.Second) // Alertmanager sends the notifications
}

// newFaultTest starts a stack with a healthy plant, and waits until its reporting intervals are learned.
func newFaultTest(t *testing.T) *faultTest {
	t.Helper()
	t.Parallel() // it mostly waits
	f := &faultTest{stack: newStack(t, presses(3, 4), simulator.Limits{PerHour: 40000, Burst: 100})}
	f.requestsPerHour = 36000
	f.writeConfig()
	f.reload()
	f.settle()
	return f
}

func TestSilentSensorAlertsOnceAndResolves(t *testing.T) {
	f := newFaultTest(t)
	f.run("a sensor becomes silent", "InniusSensorSilent", []string{"Pressure 2", "Press 1", "Works \"North\" & Sons"},
		func() { f.api.AddSensor("press-1", pressure("press-1", 2, time.Now())) },
		func() { f.api.AddSensor("press-1", pressure("press-1", 2, time.Time{})) })
	f.table()
}

func TestMachineSwitchedOffAlertsOnceAndResolves(t *testing.T) {
	f := newFaultTest(t)
	f.run("a machine is switched off", "InniusMachineOff", []string{"Press 2", "Works \"North\" & Sons"},
		func() { f.api.AddMachine(press(2, 4, time.Now())) },
		func() { f.api.AddMachine(press(2, 4, time.Time{})) })
	f.table()
}

func TestExporterFaultsAlertOnceAndResolve(t *testing.T) {
	f := newFaultTest(t)
	var endFault func()
	f.run("innius responds with 500", "InniusUnreachable", []string{"acme", "Reason now: server"},
		func() { endFault = f.api.Inject(simulator.Fault{Kind: simulator.ServerError}) },
		func() { endFault() })
	f.run("the exporter is killed", "InniusExporterDown", []string{f.address}, func() { f.exporter.kill() }, f.startExporter)
	f.run("a config with an error", "InniusConfigReloadFailed", []string{f.address},
		func() { write(t, f.file("config.yml"), "accounts: []"); f.reload() },
		func() { f.writeConfig(); f.reload() })
	f.table()
}

func TestHalvedRateLimitAlertsOnceAndResolves(t *testing.T) {
	f := newFaultTest(t)
	f.run("the limit is halved", "InniusRateLimitLowered", []string{"acme"},
		func() { f.api.SetLimits(simulator.Limits{PerHour: 20000, Burst: 100}) },
		func() { f.requestsPerHour = 18000; f.writeConfig(); f.reload() }) // the cure of the runbook
	f.table()
}

// Only the key's alert is notified; the alert of a sensor that was silent before continues.
func TestRevokedKeyAlertsOnceAndResolves(t *testing.T) {
	f := newFaultTest(t)
	start := time.Now()
	f.api.AddSensor("press-3", pressure("press-3", 1, start))
	f.waitForAlert("InniusSensorSilent", "firing", start)
	const secondKey = "canary-key-9876543210"
	f.run("the key is revoked, while a sensor is silent", "InniusKeyFailed", []string{"acme"},
		func() { f.api.RevokeKey(http.StatusUnauthorized) },
		func() {
			if n := f.count(`ALERTS{alertname="InniusSensorSilent", alertstate="firing"}`); n != 1 {
				f.Errorf("%d alerts of the silent sensor, want 1", n)
			}
			f.api.SetKey(secondKey)
			f.writeKey(secondKey)
			f.api.AddSensor("press-3", pressure("press-3", 1, time.Time{}))
		})
	f.table()
}

func (f *faultTest) table() {
	text := new(strings.Builder)
	fmt.Fprintf(text, "Prometheus %s, one minute in the rules takes one second\n", f.prometheusVersion)
	fmt.Fprintln(text, "| fault | alert | suppressed | notified after | resolved after |\n| --- | --- | --- | --- | --- |")
	for _, r := range f.rows {
		fired, resolved := r.fired.Seconds(), r.resolved.Seconds()
		fmt.Fprintf(text, "| %s | %s | %s | %.0f s | %.0f s |\n", r.fault, r.alert, r.suppressed, fired, resolved)
	}
	f.Log("\n" + text.String())
}
