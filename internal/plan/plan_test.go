package plan

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/reading"
)

var update = flag.Bool("update", false, "write the golden files")

// dawn is when the plans of tests are made.
var dawn = time.Date(2026, 11, 23, 17, 0, 0, 0, time.UTC)

// kind is a number of sensors that report every so often; 0: never. Their machines begin with a letter.
type kind struct {
	letter  string
	sensors int
	every   time.Duration
}

// plant is what is kept of sensors of several kinds.
func plant(a poller.Account, kinds ...kind) *poller.Snapshot {
	all := poller.Assume(a, 0, 0, dawn)
	for _, k := range kinds {
		for _, m := range poller.Assume(a, k.sensors, k.every, dawn).Machines {
			m.ID = k.letter + m.ID
			for i := range m.Sensors {
				m.Sensors[i].ID = m.ID + m.Sensors[i].ID
				if k.every == 0 {
					m.Sensors[i].Time, m.Sensors[i].Interval = time.Time{}, reading.Interval{}
				}
			}
			all.Machines = append(all.Machines, m)
		}
	}
	return &poller.Snapshot{At: dawn, Accounts: []poller.KeptAccount{all}}
}

// page is the plan of kinds of sensors under a requests_per_hour.
func page(perHour float64, change func(*poller.Options), kinds ...kind) Page {
	const share, burst = .95, 28
	a := poller.Account{Name: "acme", Pacer: innius.NewPacer(share*perHour, burst)}
	opts := poller.Options{Accounts: []poller.Account{a}, Kept: plant(a, kinds...)}
	if change != nil {
		change(&opts)
	}
	return Page{
		Plan: poller.Plans(opts)[0], RequestsPerHour: perHour, Share: share, MinInterval: 10 * time.Second, MaxInterval: time.Hour, Known: dawn,
	}
}

// mixed are sensors of all kinds.
func mixed() []kind {
	return []kind{{"a", 200, time.Second}, {"b", 100, 10 * time.Minute}, {"c", 50, time.Hour}, {"d", 12, 0}}
}

func promise(expression string, maxAge time.Duration, weight float64) poller.Rule {
	return poller.Rule{Machine: regexp.MustCompile("^(?:" + expression + ")$"), MaxAge: maxAge, Weight: weight}
}

func TestAPlanIsWhatUsersRead(t *testing.T) {
	for name, p := range map[string]Page{
		"fits":   page(1000, nil, kind{"a", 50, 10 * time.Minute}, kind{"b", 1, time.Hour}),
		"unseen": page(1000, nil, mixed()...),
		"promises-kept": page(1000, func(o *poller.Options) {
			o.Rules = []poller.Rule{promise("am1", 15*time.Minute, 1), promise("bm1", 5*time.Minute, 1), promise("nobody", time.Minute, 1)}
		}, mixed()...),
		"promises-stretched": page(1000, func(o *poller.Options) {
			o.Rules = []poller.Rule{promise("a.*", 5*time.Minute, 1), promise("d.*", 5*time.Second, 1), promise("b.*", 0, 9)}
		}, mixed()...),
		"lists-stretched": page(1000, func(o *poller.Options) { o.DiscoveryInterval = 10 * time.Minute }, mixed()...),
		"stale":           page(100, func(o *poller.Options) { o.StaleAfter = 30 * time.Minute }, mixed()...),
		"one":             page(1000, nil, kind{"a", 1, time.Second}),
	} {
		golden(t, name, written(p))
	}
	failing := page(1000, func(o *poller.Options) {
		for i := range 30 {
			s := &o.Kept.Accounts[0].Machines[i/20].Sensors[i%20]
			s.Failure, s.Failures, s.LastFailure = "status 404", 20, dawn
		}
	}, mixed()...)
	golden(t, "failing", written(failing))
	p := page(1000, nil, kind{"a", 500, time.Second})
	p.RequestsPerHour = 2000 // the exporter has learned better
	golden(t, "learned", written(p))
	p.RequestsPerHour = 1000
	p.Known, p.Ignored = time.Time{}, true
	golden(t, "assumed", written(p))
}

func written(p Page) string {
	var text strings.Builder
	p.Write(&text)
	return text.String()
}

// golden compares a text with a file under testdata; -update writes the file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; go test ./internal/plan -update writes it anew. Got:\n%s", file, got)
	}
	for line := range strings.Lines(got) {
		if n := len([]rune(line)); n > 112 {
			t.Errorf("%s: a line of %d characters is too long for a screen: %s", file, n, line)
		}
	}
}

// What the advice names must really be enough.
func TestTheAdviceHelps(t *testing.T) {
	stretched := func(o *poller.Options) {
		o.DiscoveryInterval = 10 * time.Minute
		o.Rules = []poller.Rule{promise("a.*", 5*time.Minute, 1)}
	}
	before := page(1000, stretched, mixed()...)
	for what, text := range map[string]string{"promises": before.stretched(), "lists": before.lists(), "readings": before.unseen()} {
		found := regexp.MustCompile(`requests_per_hour: (\d+)`).FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("%s: no advice in %q", what, text)
		}
		perHour, _ := strconv.ParseFloat(found[1], 64)
		after := page(perHour, stretched, mixed()...)
		if text := map[string]string{"promises": after.stretched(), "lists": after.lists(), "readings": after.unseen()}[what]; text != "" {
			t.Errorf("%s: with requests_per_hour %g still %q", what, perHour, text)
		}
	}
	longer := regexp.MustCompile(`max_age of (\w+) instead`).FindStringSubmatch(before.stretched())
	age, err := time.ParseDuration(longer[1])
	if err != nil {
		t.Fatal(err)
	}
	after := page(1000, func(o *poller.Options) {
		stretched(o)
		o.Rules[0].MaxAge = age
	}, mixed()...)
	if after.stretched() != "" || !after.MaxAges[0].Met() {
		t.Errorf("with a max_age of %s still %q", age, after.stretched())
	}
}

func TestAPlanBearsTheSmallestAndTheLargest(t *testing.T) {
	for _, perHour := range []float64{1e-300, 1e-9, 1e-3, 0.5, 1e7} {
		for _, every := range []time.Duration{time.Millisecond, time.Second, 300 * 24 * time.Hour} {
			text := written(page(perHour, nil, kind{"a", 3, every}))
			if strings.Contains(text, "-9") || strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || strings.Contains(text, "every -") {
				t.Errorf("%g an hour, every %s:\n%s", perHour, every, text)
			}
		}
	}
}

func TestSpansHaveTwoUnitsAtMost(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 3789 * time.Millisecond: "3.8s", 5 * time.Second: "5s", 59*time.Second + 700*time.Millisecond: "1m",
		31*time.Minute + 35*time.Second: "31m35s", time.Hour: "1h", 127*time.Minute + 40*time.Second: "2h8m", 49 * time.Hour: "2d1h",
		time.Duration(1 << 62): "more than 10 years",
	} {
		if got := span(d); got != want {
			t.Errorf("%d ns: got %s, want %s", int64(d), got, want)
		}
	}
	for n, want := range map[float64]string{0: "0", 1.04: "1", 9.96: "10", 950.4: "950", 1e6: "1000000"} {
		if got := count(n); got != want {
			t.Errorf("%g: got %s, want %s", n, got, want)
		}
	}
	for n, want := range map[float64]string{0: "0", 1000: "1000", 1001: "1100", 99.5: "100", 0.123: "0.13"} {
		if got := upwards(n); got != want {
			t.Errorf("%g upwards: got %s, want %s", n, got, want)
		}
	}
	if got := fmt.Sprint(longer(61*time.Second), " ", longer(599*time.Second+1), " ", longer(36001*time.Second)); got != "1m1s 10m 11h" {
		t.Error(got)
	}
}
