package status

import (
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/reading"
)

var now = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func ago(minutes int) time.Time { return now.Add(-time.Duration(minutes) * time.Minute) }

func TestReasonExplainsEachStatus(t *testing.T) {
	v := &poller.View{At: now, Accounts: []*poller.AccountView{{}}}
	m := &inventory.Machine{CompanyLabel: "Works", Label: "Press"}
	at := func(minutes int) reading.Saved { return reading.Saved{Time: ago(minutes), LastSuccess: ago(minutes)} }
	failed := at(10)
	failed.Rare = &reading.Rare{Failure: "status 403", Failures: 3, FailingSince: ago(5)}
	staleFailed := failed
	staleFailed.Time = ago(80)
	for name, c := range map[string]struct {
		status  poller.SensorStatus
		saved   reading.Saved
		sensor  inventory.Sensor
		next    poller.Upcoming
		exposed bool
		want    string
	}{
		"current":        {status: poller.SensorCurrent, saved: at(1)},
		"filtered":       {status: poller.SensorExcluded, sensor: inventory.Sensor{Excluded: &inventory.Exclusion{FilteredBy: `discovery.sensors.exclude ".*"`}}, want: `Excluded: discovery.sensors.exclude ".*"`},
		"another's":      {status: poller.SensorExcluded, sensor: inventory.Sensor{Excluded: &inventory.Exclusion{PolledBy: "a1"}, Label: "Oil"}, want: "Excluded: account a1 polls it; its value is on /metrics once, as Works / Press / Oil"},
		"pending":        {status: poller.SensorPending, want: "Pending: not polled yet"},
		"pending, soon":  {status: poller.SensorPending, next: poller.Upcoming{At: ago(-3), WaitsFor: poller.WaitsForRateLimit, Ahead: 1}, want: "Pending: not polled yet; expected at about 2026-01-02T12:03:00Z (in 3m), after 1 other sensor"},
		"pending, pause": {status: poller.SensorPending, next: poller.Upcoming{At: ago(-3), WaitsFor: poller.WaitsForPause}, want: "Pending: not polled yet, account paused; expected at about 2026-01-02T12:03:00Z (in 3m)"},
		"pending, now":   {status: poller.SensorPending, next: poller.Upcoming{At: now, WaitsFor: poller.WaitsForResponse}, want: "Pending: not polled yet; request running"},
		"pending, error": {status: poller.SensorPending, saved: reading.Saved{Rare: &reading.Rare{Failure: "status 404"}}, want: "Pending: no successful poll yet: status 404"},
		"failing": {
			status: poller.SensorFailing, saved: failed, exposed: true, next: poller.Upcoming{At: ago(-1)},
			want: "Failing since 2026-01-02T11:55:00Z (5m ago), 3 times in a row: status 403; retry at about 2026-01-02T12:01:00Z (in 1m); " +
				"the last value stays on /metrics until 2026-01-02T12:50:00Z (in 50m)",
		},
		"failing, stale": {
			status: poller.SensorFailing, saved: staleFailed,
			want: "Failing since 2026-01-02T11:55:00Z (5m ago), 3 times in a row: status 403; the last value has been stale since 2026-01-02T11:40:00Z (20m ago)",
		},
		"unreadable":  {status: poller.SensorUnreadable, saved: reading.Saved{Rare: &reading.Rare{Unusable: innius.Reading{Skip: innius.SkipNumber, Text: "null"}}}, want: "Unreadable: the newest reading is not a number: null"},
		"no readings": {status: poller.SensorNoReadings, saved: reading.Saved{LastSuccess: ago(2)}, want: "No readings: innius had none when it was last polled at 2026-01-02T11:58:00Z (2m ago)"},
		"stale": {
			status: poller.SensorStale, saved: reading.Saved{Time: ago(70), LastSuccess: ago(1)},
			want: "Stale since 2026-01-02T11:50:00Z (10m ago): older than 1h (stale_after); " +
				"innius had no newer reading at 2026-01-02T11:59:00Z (1m ago)",
		},
		"stale, not polled": {
			status: poller.SensorStale, saved: at(70), sensor: inventory.Sensor{Rule: &inventory.Rule{StaleAfter: time.Hour}},
			want: "Stale since 2026-01-02T11:50:00Z (10m ago): older than 1h (stale_after of its rule); " +
				"not polled since 2026-01-02T10:50:00Z (1h 10m ago)",
		},
		"stale, dated tomorrow": {
			status: poller.SensorStale, saved: reading.Saved{Time: ago(-1440), LastSuccess: ago(70)},
			want: "Stale since 2026-01-02T11:50:00Z (10m ago): its time 2026-01-03T12:00:00Z is in the future, and it was last polled " +
				"more than 1h ago (stale_after)",
		},
		"silent":  {status: poller.SensorSilent, saved: at(1), want: "Silent: no new reading for more than 15m when it was last polled at 2026-01-02T11:59:00Z (1m ago)"},
		"delayed": {status: poller.SensorDelayed, saved: reading.Saved{LastSuccess: ago(30), PlannedGap: time.Minute}, want: "Delayed: poll planned for 2026-01-02T11:31:00Z (29m ago)"},
	} {
		s := c.sensor
		s.Machine = m
		if s.Rule == nil {
			s.Rule = inventory.NoRule
		}
		o := poller.SensorView{Record: reading.Restore(&c.saved).Load(), Status: c.status, Exposed: c.exposed, StaleAfter: time.Hour, SilentAfter: 15 * time.Minute}
		if got := reason(v, &s, &o, &c.next); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
	}
}

func TestHealthExplainsFailuresAndPauses(t *testing.T) {
	for want, a := range map[string]poller.AccountView{
		"No response yet": {},
		"Up":              {Responded: true, Up: true},
		"Up; paused until 2026-01-02T12:10:00Z (in 10m): rate limited (429)": {Responded: true, PausedUntil: ago(-10), PauseReason: "limit"},
		"Down since 2026-01-02T11:50:00Z (10m ago): innius cannot be reached; paused until 2026-01-02T12:01:00Z (in 1m): then innius is tried again": {
			Failure: "network", FailingSince: ago(10), PausedUntil: ago(-1), PauseReason: "outage",
		},
	} {
		if got := health(&a, now); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for _, reason := range []string{"key", "network", "server", "invalid_response"} {
		if failures[reason] == "" {
			t.Errorf("no sentence for %s", reason)
		}
	}
}

func TestPlanShowsWhatTheRateLimitBuys(t *testing.T) {
	for want, a := range map[string]poller.AccountView{
		"No sensor to poll": {},
		"Values get up to about 4m 13s old, or as old as their reporting interval: 950 requests per hour for 4 sensors":             {Sensors: 4, Cycle: 253 * time.Second, ForPolls: 950},
		"A poll follows each reading: 720 of 1\u202f197 requests per hour are needed for 2 sensors":                                 {Sensors: 2, Cycle: 6 * time.Second, Demand: 720, ForPolls: 1197},
		"Values get up to about 1m old, or as old as their reporting interval: 1\u202f200 requests per hour for 5\u202f000 sensors": {Sensors: 5000, Cycle: time.Minute, Demand: 7200, ForPolls: 1200},
	} {
		if got := plan(&a); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestReasonNamesWhatDelaysAPoll(t *testing.T) {
	saved := reading.Saved{Time: ago(9), LastSuccess: ago(9)}
	const delayed = "poll planned for 2026-01-02T11:52:00Z (8m ago)"
	failed := &reading.Rare{Failure: "status 500", LastFailure: ago(1), Failures: 1}
	for want, c := range map[string]struct {
		account   poller.AccountView
		status    poller.SensorStatus
		rare      *reading.Rare
		unplanned bool
	}{
		"Delayed: " + delayed: {status: poller.SensorDelayed},
		"Delayed: innius cannot be reached, since 2026-01-02T11:50:00Z (10m ago); last polled at 2026-01-02T11:51:00Z (9m ago)": {
			account: poller.AccountView{Failure: "network", FailingSince: ago(10)}, status: poller.SensorDelayed, unplanned: true,
		},
		"Delayed: innius cannot be reached, since 2026-01-02T11:50:00Z (10m ago); " + delayed: {
			account: poller.AccountView{Failure: "network", FailingSince: ago(10)}, status: poller.SensorDelayed,
		},
		"Delayed: account paused until 2026-01-02T12:30:00Z (in 30m); " + delayed: {
			account: poller.AccountView{PausedUntil: ago(-30)}, status: poller.SensorDelayed,
		},
		"Delayed: " + delayed + "; latest poll failed at 2026-01-02T11:59:00Z (1m ago): status 500": {status: poller.SensorDelayed, rare: failed},
		"Latest poll failed at 2026-01-02T11:59:00Z (1m ago): status 500":                           {status: poller.SensorCurrent, rare: failed},
	} {
		if saved.Rare, saved.PlannedGap = c.rare, time.Minute; c.unplanned {
			saved.PlannedGap = 0
		}
		v := &poller.View{At: now, Accounts: []*poller.AccountView{&c.account}}
		s := &inventory.Sensor{Machine: &inventory.Machine{}, Rule: inventory.NoRule}
		o := poller.SensorView{Record: reading.Restore(&saved).Load(), Status: c.status}
		if got := reason(v, s, &o, &poller.Upcoming{}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestDiscoveryShowsProgress(t *testing.T) {
	for want, a := range map[string]poller.AccountView{
		"First discovery running: the company of the key is not known yet":                                                {Lists: 1},
		"First discovery running: the list of machines is not known yet":                                                  {Lists: 2, ListsRead: 1},
		"First discovery running: 7 of 22 lists read, the others in about 30m; their sensors are not known yet":           {Lists: 22, ListsRead: 7, RequestsPerHour: 60},
		"The list of machines could not be read yet":                                                                      {Lists: 1, Failure: "key"},
		"The sensors of 1 machine cannot be listed; every other list was read at or after 2026-01-02T11:30:00Z (30m ago)": {Settled: true, Verified: ago(30), ListErrors: map[string]string{"m4": "status 403"}},
		"Every list was read at or after 2026-01-02T11:30:00Z (30m ago)":                                                  {Settled: true, Verified: ago(30)},
	} {
		if got := discovery(&a, now); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestNoteExplainsMissingSensors(t *testing.T) {
	a := &poller.AccountView{ListErrors: map[string]string{"m4": "status 403"}}
	one, listed := []*inventory.Sensor{{}}, inventory.NewListTime(now)
	for want, m := range map[string]inventory.Machine{
		"":                               {ListedAt: listed, Sensors: one},
		`Excluded: "Machine"`:            {FilteredBy: `"Machine"`},
		"Its sensors are not listed yet": {},
		"innius lists no sensor for it":  {ListedAt: listed},
		"innius lists no sensor for it here; account a1 lists it, too":                 {ListedAt: listed, ExposedBy: "a1"},
		"Cannot list its sensors: status 403":                                          {Machine: innius.Machine{ID: "m4"}},
		"Cannot list its sensors: status 403; shown are those of 2026-01-02T12:00:00Z": {Machine: innius.Machine{ID: "m4"}, ListedAt: listed},
	} {
		if got := note(&m, a); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestRemarksNameTheCure(t *testing.T) {
	a := &poller.AccountView{ClocksDiffer: true, ClockDifference: -20 * time.Minute, KeyProblem: "/run/key is empty", NoReadings: true}
	got := remarks(a)
	if len(got) != 3 || got[0] != "The clocks of this machine and of the API differ by 20m; ages are judged by the API's clock" ||
		got[1] != "The key file has no usable key, so a restart would fail: /run/key is empty" {
		t.Errorf("%q", got)
	}
}
