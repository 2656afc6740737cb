package poller

import (
	"fmt"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/poller/schedule"
	"innius_exporter/internal/simulator"
)

// at is a time, in seconds after the start of a test.
func at(seconds int) time.Time { return dawn.Add(time.Duration(seconds) * time.Second) }

func skipped(seconds int, why innius.SkipReason, text string) innius.Reading {
	return innius.Reading{Time: at(seconds), Skip: why, Text: text}
}

// viewAt is a view with stale_after 1 h and one account.
func viewAt(now time.Time, account AccountView) *View {
	return &View{poller: &Poller{opts: Options{StaleAfter: time.Hour}}, At: now, Accounts: []*AccountView{&account}}
}

func judged(s *inventory.Sensor, now time.Time) SensorStatus {
	return viewAt(now, AccountView{}).Sensor(s).Status
}

// sensorWith returns a sensor of machine m with a record.
func sensorWith(m *inventory.Machine, saved reading.Saved) *inventory.Sensor {
	return &inventory.Sensor{Machine: m, Sensor: &innius.Sensor{}, Rule: inventory.NoRule, Entry: reading.Restore(&saved)}
}

func failures(n int) *reading.Rare { return &reading.Rare{Failure: "status 404", Failures: n} }

func TestVerdictOfSensor(t *testing.T) {
	now := at(36_000)
	ago := func(minutes int) time.Time { return now.Add(-time.Duration(minutes) * time.Minute) }
	blocked := func(since, until int) AccountView {
		return AccountView{blocked: [2]blockage{1: {ago(since), ago(until)}}}
	}
	none := AccountView{}
	for name, c := range map[string]struct {
		saved   reading.Saved
		account AccountView
		want    SensorStatus
	}{
		"never polled":            {reading.Saved{}, none, SensorPending},
		"failed before":           {reading.Saved{Rare: failures(9)}, none, SensorPending},
		"polled as planned":       {reading.Saved{Time: ago(1), LastSuccess: ago(1), PlannedGap: 2 * time.Minute}, none, SensorCurrent},
		"ahead of the clock":      {reading.Saved{Time: ago(-4), LastSuccess: ago(0), PlannedGap: time.Minute}, none, SensorCurrent},
		"failed once":             {reading.Saved{Time: ago(1), LastSuccess: ago(1), Rare: failures(1), PlannedGap: 2 * time.Minute}, none, SensorCurrent},
		"failed twice":            {reading.Saved{Time: ago(90), LastSuccess: ago(90), Rare: failures(2)}, none, SensorFailing},
		"a text":                  {reading.Saved{LastSuccess: ago(1), Rare: &reading.Rare{Unusable: skipped(1, innius.SkipText, "RUN")}}, none, SensorUnreadable},
		"a text after number":     {reading.Saved{Time: ago(90), LastSuccess: ago(1), Rare: &reading.Rare{Unusable: skipped(1, innius.SkipText, "RUN")}}, none, SensorUnreadable},
		"no readings":             {reading.Saved{LastSuccess: ago(90), PlannedGap: 30 * time.Minute}, none, SensorNoReadings},
		"stale":                   {reading.Saved{Time: ago(61), LastSuccess: ago(61), PlannedGap: time.Minute, Silent: true}, none, SensorStale},
		"silent":                  {reading.Saved{Time: ago(50), LastSuccess: ago(1), PlannedGap: 2 * time.Minute, Silent: true}, none, SensorSilent},
		"silent, then late":       {reading.Saved{Time: ago(50), LastSuccess: ago(30), PlannedGap: time.Minute, Silent: true}, none, SensorSilent},
		"within the grace":        {reading.Saved{Time: ago(11), LastSuccess: ago(11), PlannedGap: 5 * time.Minute}, none, SensorCurrent},
		"beyond the grace":        {reading.Saved{Time: ago(13), LastSuccess: ago(13), PlannedGap: 5 * time.Minute}, none, SensorDelayed},
		"paused when due":         {reading.Saved{Time: ago(11), LastSuccess: ago(11), PlannedGap: 5 * time.Minute}, blocked(30, 3), SensorDelayed},
		"paused for a short time": {reading.Saved{Time: ago(11), LastSuccess: ago(11), PlannedGap: 5 * time.Minute}, blocked(5, 4), SensorCurrent},
		"paused before due":       {reading.Saved{Time: ago(11), LastSuccess: ago(11), PlannedGap: 5 * time.Minute}, blocked(30, 5), SensorCurrent},
		"no plan known":           {reading.Saved{Time: ago(11), LastSuccess: ago(11)}, none, SensorCurrent},
		"no plan known, paused":   {reading.Saved{Time: ago(11), LastSuccess: ago(11)}, blocked(9, 0), SensorDelayed},
	} {
		if got := viewAt(now, c.account).Sensor(sensorWith(&inventory.Machine{}, c.saved)).Status; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	for name, s := range map[string]*inventory.Sensor{
		"filtered":          {Excluded: &inventory.Exclusion{FilteredBy: "not in include"}},
		"another account's": {Excluded: &inventory.Exclusion{PolledBy: "a2"}},
	} {
		s.Machine, s.Rule, s.Entry = &inventory.Machine{}, inventory.NoRule, reading.New()
		if got := judged(s, now); got != SensorExcluded {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestVerdictOfMachine(t *testing.T) {
	now := at(36_000)
	ago := func(minutes int) time.Time { return now.Add(-time.Duration(minutes) * time.Minute) }
	known := schedule.Regular(time.Minute, now)
	current := reading.Saved{Time: ago(1), LastSuccess: ago(1), PlannedGap: 2 * time.Minute, Interval: known}
	late := reading.Saved{Time: ago(30), LastSuccess: ago(30), PlannedGap: time.Minute, Interval: known}
	silent := func(newest, polled int) reading.Saved {
		return reading.Saved{Time: ago(newest), LastSuccess: ago(polled), PlannedGap: time.Minute, Silent: true, Interval: known}
	}
	failing := reading.Saved{Time: ago(1), LastSuccess: ago(1), Rare: failures(2), Interval: known}
	resumed := current
	resumed.Resumed = ago(5).UnixNano()
	text := reading.Saved{LastSuccess: ago(1), Rare: &reading.Rare{Unusable: skipped(1, innius.SkipText, "RUN")}}
	noInterval := current
	noInterval.Interval = nil
	alone := silent(700, 1)
	alone.Alone = true
	for name, c := range map[string]struct {
		sensors []reading.Saved
		want    MachineStatus
	}{
		"no sensor":                        {nil, MachineUnknown},
		"nothing polled":                   {[]reading.Saved{{}, {}}, MachineUnknown},
		"all current":                      {[]reading.Saved{current, current}, MachineOK},
		"only texts":                       {[]reading.Saved{text, text}, MachineOK},
		"half delayed":                     {[]reading.Saved{current, late}, MachineOK},
		"more than half delayed":           {[]reading.Saved{current, late, late}, MachineUnknown},
		"delayed, next to texts":           {[]reading.Saved{text, text, text, late}, MachineUnknown},
		"one failing":                      {[]reading.Saved{current, failing}, MachineDegraded},
		"all overdue":                      {[]reading.Saved{silent(100, 1), silent(105, 20), text, noInterval}, MachineOff},
		"one silent alone":                 {[]reading.Saved{current, silent(20, 1)}, MachineDegraded},
		"one stale alone":                  {[]reading.Saved{current, silent(200, 1)}, MachineDegraded},
		"alone, and then all switched off": {[]reading.Saved{silent(600, 1), alone}, MachineDegraded},
		"silent for less than the others":  {[]reading.Saved{current, silent(14, 1)}, MachineOK},
		"not polled since the others went": {[]reading.Saved{current, silent(40, 30)}, MachineOK},
		"switched on again":                {[]reading.Saved{resumed, silent(700, 1)}, MachineOK},
		"some overdue, some not polled":    {[]reading.Saved{silent(100, 1), {}}, MachineOff},
	} {
		m := &inventory.Machine{}
		for _, saved := range c.sensors {
			m.AllPolled = append(m.AllPolled, sensorWith(m, saved))
		}
		if got, _ := viewAt(now, AccountView{}).judge(m, Judgement{}); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestVerdictOfMaxAge(t *testing.T) {
	now := at(36_000)
	before := func(s int) time.Time { return now.Add(-time.Duration(s) * time.Second) }
	for name, c := range map[string]struct {
		saved   reading.Saved
		account AccountView
		want    MaxAgeStatus
	}{
		"a young value":              {saved: reading.Saved{Time: before(50), LastSuccess: before(40)}, want: MaxAgeMet},
		"a silent sensor":            {saved: reading.Saved{Time: before(5000), LastSuccess: before(60)}, want: MaxAgeMet},
		"an old value, not polled":   {saved: reading.Saved{Time: before(61), LastSuccess: before(61)}, want: MaxAgeMissed},
		"the next reading not due":   {saved: reading.Saved{Time: before(630), LastSuccess: before(600), Interval: schedule.Regular(10*time.Minute, now)}, want: MaxAgeMet},
		"the next reading due":       {saved: reading.Saved{Time: before(661), LastSuccess: before(640), Interval: schedule.Regular(10*time.Minute, now)}, want: MaxAgeMissed},
		"never reported":             {saved: reading.Saved{LastSuccess: before(4000)}, want: MaxAgeMet},
		"never polled":               {want: MaxAgeMissed},
		"relaxed, whatever it holds": {saved: reading.Saved{Time: before(1), LastSuccess: before(1)}, account: AccountView{RelaxedBy: 2}, want: MaxAgeRelaxed},
	} {
		s := sensorWith(&inventory.Machine{}, c.saved)
		s.Rule = &inventory.Rule{MaxAge: time.Minute}
		if got := viewAt(now, c.account).maxAge(s, s.Entry.Load(), intervalOf(s.Entry.Load())); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	untargeted := sensorWith(&inventory.Machine{}, reading.Saved{})
	if got := viewAt(now, AccountView{}).maxAge(untargeted, untargeted.Entry.Load(), 0); got != "" {
		t.Errorf("without max_age: %s", got)
	}
}

// batched is a plant whose sensors report each minute, in uploads of 5 min.
func batched(machines, sensors int) simulator.Plant {
	p := testPlant(machines, sensors)
	for m := range p.Company.Machines {
		for i := range p.Company.Machines[m].Sensors {
			s := &p.Company.Machines[m].Sensors[i]
			s.Period, s.Batch, s.Jitter = time.Minute, 5*time.Minute, 3*time.Second
		}
	}
	return p
}

// statusOf returns the status of a sensor or machine by the series of a scrape; empty if there is none.
func (all samples) statusOf(labels, name string, statuses []string) string {
	for _, status := range statuses {
		if all[fmt.Sprintf("%s{%s,status=%q}", name, labels, status)] == 1 {
			return status
		}
	}
	return ""
}

// A pause of 10 s a minute, and an outage of 1 min, at a cycle of 32 min: a status changes at a poll, and between two polls at
// most once.
func TestSensorStatusChangesAtMostOncePerPoll(t *testing.T) {
	t.Parallel()
	long(t)
	begin := setup{plant: batched(25, 20), perHour: 950, burst: 20}
	start := dawn.Add(3 * time.Hour)
	for from := start; from.Before(start.Add(time.Hour)); from = from.Add(time.Minute) {
		begin.faults = append(begin.faults, simulator.Fault{Kind: simulator.TooMany, From: from, Until: from.Add(50 * time.Second), Times: 1, Delay: 10 * time.Second})
	}
	begin.faults = append(begin.faults, simulator.Fault{Kind: simulator.Reset, From: start.Add(30 * time.Minute), Until: start.Add(31 * time.Minute)})
	runScenario(t, begin, func(s *scenario) {
		s.advance(time.Until(start))
		type seen struct {
			status                SensorStatus
			polled                time.Time
			since, changes, polls int
		}
		sensors := map[string]*seen{}
		for time.Now().Before(start.Add(time.Hour)) {
			v := s.poller.View(time.Now())
			for _, m := range v.Inventory.Accounts[0].Machines {
				if status, _ := v.Machine(m, Judgement{}); status != MachineOK {
					t.Fatalf("after %s machine %s is %s", s.clock(), m.ID, status)
				}
				for _, one := range m.Sensors {
					status, polled, is := v.Sensor(one).Status, one.Entry.Load().LastSuccess, sensors[one.ID]
					if is == nil {
						is = &seen{status: status, polled: polled}
						sensors[one.ID] = is
					}
					if !polled.Equal(is.polled) {
						is.polled, is.since, is.polls = polled, 0, is.polls+1
					} else if status != is.status {
						is.since++
					}
					if status != is.status {
						is.changes++
					}
					if is.status = status; is.since > 1 {
						t.Errorf("after %s sensor %s changed its status twice since its last poll", s.clock(), one.ID)
					}
				}
			}
			s.advance(2 * time.Second)
		}
		changes, polls := 0, 0
		for _, is := range sensors {
			changes, polls = changes+is.changes, polls+is.polls
		}
		if t.Logf("%d changes at %d polls", changes, polls); changes > polls/10 {
			t.Error("too many changes")
		}
	})
}

// A sensor dies at 1 h, its machine is switched off at 4 h.
func TestMachineStatusStaysDegradedWhileADeadSensorIsSilentAndStale(t *testing.T) {
	t.Parallel()
	long(t)
	begin := setup{plant: batched(3, 8), perHour: 60, options: func(o *Options) { o.StaleAfter = 0 }}
	died := dawn.Add(time.Hour)
	begin.plant.Company.Machines[0].Sensors[2].Exists = func(at time.Time) bool { return at.Before(died) }
	runScenario(t, begin, func(s *scenario) {
		labels, degraded, statuses := `company="Works",machine="Machine 1"`, false, map[string]int{}
		for s.clock() < 6*time.Hour {
			s.advance(30 * time.Second)
			all := s.gather()
			machine := all.statusOf(labels, "innius_machine_status", []string{"unknown", "degraded", "off", "ok"})
			statuses[all.statusOf(labels+`,sensor="Sensor 3"`, "innius_sensor_status", []string{"pending", "silent", "stale", "delayed", "current"})]++
			switch {
			case machine == "degraded":
				degraded = true
			case degraded || s.clock() > 2*time.Hour:
				t.Fatalf("after %s the machine is %s", s.clock(), machine)
			}
		}
		if statuses["silent"] == 0 || statuses["stale"] == 0 {
			t.Errorf("statuses of the sensor: %v", statuses)
		}
		since := s.gather()[`innius_machine_status_since_timestamp_seconds{`+labels+`}`]
		if since > seconds(died) || since < seconds(died)-60 {
			t.Errorf("degraded since %v, want the last reading before %v", since, seconds(died))
		}
		s.restart(time.Minute)
		s.want(`innius_machine_status_since_timestamp_seconds{`+labels+`}`, since)
		s.start()
	})
}

// What was off or dead before the exporter has ever seen it has been so since its newest reading.
func TestMachineStatusOfFirstStartCountsFromNewestReading(t *testing.T) {
	begin := setup{plant: testPlant(2, 3)}
	off, died := dawn.Add(-50*time.Hour), dawn.Add(-5*time.Hour)
	for i := range 3 {
		begin.plant.Company.Machines[0].Sensors[i].Exists = func(at time.Time) bool { return at.Before(off) }
	}
	begin.plant.Company.Machines[1].Sensors[0].Exists = func(at time.Time) bool { return at.Before(died) }
	runScenario(t, begin, func(s *scenario) {
		s.setWall(time.Hour)
		s.advance(5 * time.Minute)
		for i, want := range []struct {
			status MachineStatus
			since  time.Time
		}{{MachineOff, off}, {MachineDegraded, died}} {
			v := s.poller.View(time.Now())
			status, since := v.Machine(v.Inventory.Accounts[0].Machines[i], Judgement{})
			if ago := want.since.Sub(since.Add(-v.wallAhead)); status != want.status || ago < 0 || ago > 11*time.Second {
				t.Errorf("machine %d is %s since %s, want %s since %s", i+1, status, since, want.status, want.since)
			}
		}
	})
}

func TestMachineStatusIsStoredWithoutScrape(t *testing.T) {
	refused, hour := broken(simulator.NotFound, simulator.OpValues, "m1-s1"), dawn.Add(time.Hour)
	refused[0].From = hour
	runScenario(t, setup{plant: testPlant(1, 2), faults: refused}, func(s *scenario) {
		s.advance(2 * time.Hour)
		m := s.poller.Save().Accounts[0].Machines[0]
		if late := m.Since.Sub(hour); m.Status != MachineDegraded || late < 0 || late > 10*time.Minute {
			t.Errorf("%q since %s after the first refusal", m.Status, late)
		}
	})
}

// Each evening at 18 h, until 6 h. A sensor that reports once an hour is the last to return.
func TestMachineSwitchedOffIsNeverDegraded(t *testing.T) {
	t.Parallel()
	long(t)
	begin := setup{plant: batched(2, 12), perHour: 45}
	for i := range begin.plant.Company.Machines[0].Sensors {
		one := &begin.plant.Company.Machines[0].Sensors[i]
		one.Exists = func(at time.Time) bool { return at.Hour() >= 6 && at.Hour() < 18 }
		if i == 3 {
			one.Period = time.Hour
		}
	}
	runScenario(t, begin, func(s *scenario) {
		off := 0
		for s.clock() < 34*time.Hour {
			s.advance(2 * time.Minute)
			switch all := s.gather(); all.statusOf(`company="Works",machine="Machine 1"`, "innius_machine_status", []string{"unknown", "degraded", "off", "ok"}) {
			case "degraded":
				t.Fatalf("degraded after %s", s.clock())
			case "off":
				off++
			}
		}
		if hours := float64(off) / 30; hours < 9 {
			t.Errorf("off for %.1f h of the night, want at least 9", hours)
		}
	})
}
