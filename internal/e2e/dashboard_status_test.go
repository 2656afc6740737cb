package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
	"innius_exporter/internal/testport"
)

// shownStatuses are the words of the numbers in panels, in the order of grafana/status.go.
var (
	machineWords = []string{"ok", "off", "unknown", "degraded"}
	accountWords = []string{"ok", "paused", "invalid_response", "server", "network", "key"}
	inTrouble    = []string{"failing", "silent", "stale", "delayed"}
)

func word(words []string, index float64) string {
	if index < 0 {
		return "not recorded"
	}
	return words[int(index)]
}

// verdicts are the statuses of one exporter, by account, by machine, and by machine and sensor.
type verdicts struct{ accounts, machines, sensors map[string]string }

// verdicts returns the statuses on /api/v1/status of an exporter.
func (s *stack) verdicts(address string) verdicts {
	s.Helper()
	var page struct {
		Accounts []struct {
			Name, Failure string
			Up            *bool
			PausedUntil   time.Time `json:"paused_until"`
			Machines      []struct {
				Machine, Status string
				Sensors         []struct{ Sensor, Status string }
			}
		}
	}
	s.getJSON("http://"+address+"/api/v1/status", &page)
	v := verdicts{map[string]string{}, map[string]string{}, map[string]string{}}
	for _, a := range page.Accounts {
		switch {
		case a.Failure != "":
			v.accounts[a.Name] = a.Failure
		case !a.PausedUntil.IsZero():
			v.accounts[a.Name] = "paused"
		case a.Up != nil:
			v.accounts[a.Name] = "ok"
		default:
			v.accounts[a.Name] = "not recorded"
		}
		for _, m := range a.Machines {
			for _, one := range m.Sensors {
				if one.Status != "excluded" { // or the machine is that of another account
					v.machines[m.Machine] = m.Status
					v.sensors[m.Machine+"/"+one.Sensor] = one.Status
				}
			}
		}
	}
	return v
}

// troubled returns the sensors of verdicts that the plant dashboard lists.
func (v verdicts) troubled() map[string]string {
	all := map[string]string{}
	for m, status := range v.machines {
		for key, of := range v.sensors {
			if len(key) > len(m) && key[:len(m)+1] == m+"/" && status != "off" && status != "unknown" && slices.Contains(inTrouble, of) {
				all[key] = of
			}
		}
	}
	return all
}

func counted(statuses map[string]string) map[string]string {
	counts := map[string]int{}
	for _, status := range statuses {
		counts[status]++
	}
	texts := map[string]string{}
	for status, n := range counts {
		texts[status] = fmt.Sprint(n)
	}
	return texts
}

// dashboardTest compares what panels show with /api/v1/status of the exporters.
type dashboardTest struct {
	*stack
	queries []dashboardQuery
}

// shown evaluates a query of a panel for the chosen values of variables.
func (d *dashboardTest) shown(dashboard, title, refID string, chosen map[string][]string) []sample {
	d.Helper()
	i := slices.IndexFunc(d.queries, func(q dashboardQuery) bool {
		return q.dashboard == dashboard && q.title == title && q.refID == refID
	})
	if i < 0 {
		d.Fatalf("%s has no query %q %s", dashboard, title, refID)
	}
	return d.query(d.queries[i].interpolate(chosen), d.queries[i].instant)
}

// texts are key and text of each sample.
func texts(samples []sample, key, text func(sample) string) map[string]string {
	all := map[string]string{}
	for _, one := range samples {
		all[key(one)] += text(one) // a second sample for the key is a mistake
	}
	return all
}

func byLabel(name string) func(sample) string { return func(s sample) string { return s.labels[name] } }

func bySensor(s sample) string { return s.labels["machine"] + "/" + s.labels["sensor"] }

func count(s sample) string { return fmt.Sprint(s.value) }

// compare waits until every panel shows the statuses of the exporter, which Prometheus scrapes every second.
func (d *dashboardTest) compare(when, address string) verdicts {
	d.Helper()
	of := map[string][]string{"instance": {address}}
	index := func(words []string) func(sample) string {
		return func(s sample) string { return word(words, s.value) }
	}
	var v verdicts
	var wrong string
	deadline := time.Now().Add(patience)
	for ; ; time.Sleep(200 * time.Millisecond) {
		v, wrong = d.verdicts(address), ""
		check := func(panel string, got, want map[string]string) {
			for key := range want {
				if got[key] != want[key] {
					wrong += fmt.Sprintf("%s: %s is %q, want %q\n", panel, key, got[key], want[key])
				}
			}
			for key := range got {
				if _, ok := want[key]; !ok {
					wrong += fmt.Sprintf("%s: %s is %q, want nothing\n", panel, key, got[key])
				}
			}
		}
		check("Machines", texts(d.shown("innius-plant", "Machines and their status", "A", of), byLabel("machine"),
			index(machineWords)), v.machines)
		machineCounts := counted(v.machines)
		for _, w := range machineWords {
			machineCounts[w] = fmt.Sprint("0", machineCounts[w])
		}
		check("Machines by status", texts(d.shown("innius-plant", "Machines by status", "A", of), byLabel("status"),
			func(s sample) string { return "0" + map[bool]string{true: count(s)}[s.value > 0] }), machineCounts)
		check("Sensors by status", texts(d.shown("innius-plant", "Sensors by status", "A", of), byLabel("status"), count),
			counted(v.sensors))
		troubled := v.troubled()
		if len(troubled) == 0 {
			troubled["/"] = "No sensor of a machine that is ok or degraded"
		}
		check("Sensors in trouble", texts(d.shown("innius-plant", "Sensors in trouble", "A", of), bySensor, func(s sample) string {
			return cmp.Or(s.labels["status"], s.labels["none"])
		}), troubled)
		check("Accounts", texts(d.shown("innius-exporter", "Accounts", "A", of), byLabel("account"), index(accountWords)), v.accounts)
		check("Sensors", texts(d.shown("innius-machine", "Sensors", "A", of), bySensor, byLabel("status")), v.sensors)
		d.checkTiles(of, v, check)
		alerts := map[string]string{}
		for _, one := range d.query(`ALERTS{alertstate="firing", instance=~"`+address+`|"}`, true) {
			alerts[one.labels["alertname"]] += one.labels["severity"]
		}
		if len(alerts) == 0 {
			alerts[""] = "No alert fires"
		}
		check("Firing alerts", texts(d.shown("innius-plant", "Firing alerts", "A", of), byLabel("alertname"),
			func(s sample) string { return s.labels["severity"] + s.labels["none"] }), alerts)
		if wrong == "" {
			d.Logf("%s: %s shows accounts %v, machines %v, sensors %v, alerts %v", when, address, v.accounts, counted(v.machines),
				counted(v.sensors), alerts)
			return v
		}
		if time.Now().After(deadline) {
			d.Errorf("%s: the dashboards differ from the status page of %s:\n%s", when, address, wrong)
			return v
		}
	}
}

// checkTiles checks that each sensor has one tile, with its status if that is not current or if there is no value.
func (d *dashboardTest) checkTiles(of map[string][]string, v verdicts, check func(panel string, got, want map[string]string)) {
	got := map[string]string{}
	for _, refID := range []string{"A", "B", "C"} {
		for _, one := range d.shown("innius-machine", "Newest values", refID, of) {
			key, status := bySensor(one), one.labels["status"]
			if before, ok := got[key]; ok && (refID != "A" || before != status) {
				got[key] += " and a second tile"
				continue
			}
			got[key] = status
			if refID != "B" && status == "" {
				got[key] = "current"
			}
		}
	}
	want := maps.Clone(v.sensors)
	for key, status := range want {
		if status != "current" && got[key] == "current" { // a status that needs no attention, and a state that is exposed
			delete(want, key)
			if slices.Contains(inTrouble, status) {
				want[key] = status
			} else {
				want[key] = "current"
			}
		}
	}
	check("Newest values", got, want)
}

// TestDashboardsShowTheStatusesOfTheExporter has an exporter with the demo, a company with 25 machines of which innius refuses
// one, a second account of that company, and an account that fails; and another exporter with labels: id for the first two.
func TestDashboardsShowTheStatusesOfTheExporter(t *testing.T) {
	t.Parallel()
	s := newExporter(t, presses(25, 4), simulator.Limits{PerHour: 40000, Burst: 400}, "")
	var accounts string
	serve := func(name string, plant simulator.Plant) *simulator.Server {
		key := firstKey + name
		limits := simulator.Limits{PerHour: 90000, Burst: 1000} // for two exporters
		api := simulator.New(plant, simulator.Options{Key: key, Limits: limits})
		server := httptest.NewServer(api)
		t.Cleanup(server.Close)
		write(t, s.file("key-"+name), key)
		accounts += fmt.Sprintf("  - {name: %s, url: %q, api_key_file: key-%s, rate_limit: {requests_per_hour: 36000, burst: 400}}\n",
			name, server.URL, name)
		return api
	}
	refusing := serve("acme", presses(25, 4))
	serve("demo", simulator.Demo(time.Now()))
	const more = "discovery: {interval: 1m}\nrefresh: {min_interval: 1s, silent_after: 1m}\n"
	write(t, s.file("ids.yml"), "accounts:\n"+accounts+more+"labels: id\n")
	annex := presses(1, 4)
	annex.Company.Machines[0].ID, annex.Company.Machines[0].Name = "annex", "Annex"
	serve("annex", annex)
	mills := presses(3, 4)
	mills.Company.ID, mills.Company.Name = "mills.example", "Mills"
	for i := range mills.Company.Machines {
		mills.Company.Machines[i].ID, mills.Company.Machines[i].Name = fmt.Sprint("mill-", i), fmt.Sprintf("Mill \"%d\" (old)", i)
	}
	failing := serve("mills", mills)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(receiver.Close)
	write(t, s.file("config.yml"), "accounts:\n"+accounts+more+"remote_write: [{url: "+receiver.URL+"}]\n"+
		"sensors: [{sensor: Wind speed, extremes: true, max_age: 1h}, {sensor: State, states: [RUN, STOP, FAULT]}]\n")
	s.reload()
	ids := testport.Free(t)
	other := launch(t, s.file("innius_exporter"), "--config.file="+s.file("ids.yml"), "--storage.path="+s.file("ids"),
		"--web.listen-address="+ids, "--log.level=warn")
	s.waitReady("the exporter with ids", ids)
	s.others, s.manager = []string{ids}, testport.Free(t)
	s.startPrometheus()
	s.prometheusVersion = s.version()
	d := &dashboardTest{s, dashboardQueries(t)}
	exposed := func(address string) int {
		return s.count(`innius_sensor_status{status!="pending", instance="` + address + `"}`)
	}
	waitFor(t, "every sensor", func() bool { return exposed(s.address) == 78+100+4+12 && exposed(ids) == 78+100 })
	failing.Inject(simulator.Fault{Kind: simulator.ServerError})
	refusing.Inject(simulator.Fault{Kind: simulator.ServerError, Op: simulator.OpValues, Object: "press-7"})
	d.compare("after the start", s.address)
	d.compare("after the start", ids)
	waitFor(t, "a refused machine and an outage", func() bool {
		return s.count(`innius_sensor_status{status="failing"}`) == 8 && s.count(`innius_exporter_account_failure == 1`) == 1 &&
			s.count(`ALERTS{alertstate="firing", alertname="InniusUnreachable"}`) == 1
	})
	v := d.compare("while innius refuses a machine and an account", s.address)
	if v.machines["Press 7"] != "degraded" || v.accounts["mills"] != "server" {
		t.Errorf("Press 7 is %s, the account mills is %s", v.machines["Press 7"], v.accounts["mills"])
	}
	d.compare("while innius refuses a machine", ids)
	d.checkNames(ids)
	t.Run("queries", s.checkDashboards)
	t.Run("rules", s.checkRules)
	t.Run("docs", s.checkDocs)
	t.Run("accounts as targets", s.checkAccountTargets)
	other.kill()
	d.checkDown(ids)
}

// checkNames checks that names are shown of an exporter with labels: id, and that the id of a machine selects no other.
func (d *dashboardTest) checkNames(address string) {
	d.Helper()
	of := map[string][]string{"instance": {address}}
	for _, one := range d.shown("innius-plant", "Machines and their status", "A", of) {
		if id, name := one.labels["machine"], one.labels["machine_name"]; id == name || name == "" {
			d.Errorf("machine %q is named %q", id, name)
		}
		chosen := map[string][]string{"instance": {address}, "machine": {one.labels["machine"]}}
		for _, sensor := range d.shown("innius-machine", "Sensors", "A", chosen) {
			if sensor.labels["machine"] != one.labels["machine"] || sensor.labels["sensor_name"] == sensor.labels["sensor"] {
				d.Errorf("machine %q: %v", one.labels["machine"], sensor.labels)
			}
		}
	}
}

// checkDown checks what is shown when an exporter has just ended.
func (d *dashboardTest) checkDown(address string) {
	d.Helper()
	of := map[string][]string{"instance": {address}}
	tile := func() float64 {
		shown := d.shown("innius-plant", "Exporter", "A", of)
		if len(shown) != 1 {
			d.Fatal(shown)
		}
		return shown[0].value
	}
	waitFor(d.T, "the tile of an exporter that is down", func() bool { return tile() == 0 })
	machines := d.shown("innius-plant", "Machines and their status", "A", of)
	if len(machines) != 9+25 {
		d.Errorf("%d machines are shown", len(machines))
	}
	for _, m := range machines {
		if m.value != -1 {
			d.Errorf("%s is %v, want not recorded", m.labels["machine_name"], m.value)
		}
	}
	sensors := d.shown("innius-machine", "Sensors", "A", of)
	if len(sensors) != 78+100 {
		d.Errorf("%d sensors are shown", len(sensors))
	}
	for _, one := range sensors {
		if one.labels["status"] != "not recorded" {
			d.Error(one)
		}
	}
	for _, a := range d.shown("innius-exporter", "Accounts", "A", of) {
		if a.value != -1 {
			d.Error(a)
		}
	}
	offered := d.shown("innius-machine", "machine", "", of)
	values := d.shown("innius-machine", "No unit", "A", of)
	if len(offered) != 9+25 || len(values) == 0 {
		d.Errorf("%d machines are offered, %d lines shown", len(offered), len(values))
	}
}
