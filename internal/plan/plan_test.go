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
	"innius_exporter/internal/match"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/reading"
)

var update = flag.Bool("update", false, "write the golden files")

// planned is the time of every plan.
var planned = time.Date(2026, 11, 23, 17, 0, 0, 0, time.UTC)

// kind is a number of sensors with a reporting interval; 0: they never report. The ids of their machines begin with a letter.
type kind struct {
	letter  string
	sensors int
	every   time.Duration
}

// plant is the saved state of sensors of several kinds.
func plant(a poller.Account, kinds ...kind) *poller.State {
	all := poller.Assume(a, 0, 0, planned)
	for _, k := range kinds {
		for _, m := range poller.Assume(a, k.sensors, k.every, planned).Machines {
			m.ID = k.letter + m.ID
			for i := range m.Sensors {
				m.Sensors[i].ID = m.ID + m.Sensors[i].ID
				if k.every == 0 {
					m.Sensors[i].Time, m.Sensors[i].Interval = time.Time{}, nil
				}
			}
			all.Machines = append(all.Machines, m)
		}
	}
	return &poller.State{At: planned, Accounts: []poller.SavedAccount{all}}
}

// page is the plan of kinds of sensors under a requests_per_hour.
func page(perHour float64, change func(*poller.Options), kinds ...kind) Page {
	const share, burst = .95, 28
	a := poller.Account{Name: "acme", PageSize: 100, Pacer: innius.NewPacer(share*perHour, burst)}
	opts := poller.Options{Accounts: []poller.Account{a}, State: plant(a, kinds...)}
	if change != nil {
		change(&opts)
	}
	return Page{
		Plan: poller.Plans(opts)[0], RequestsPerHour: perHour, Share: share, MinInterval: 10 * time.Second, MaxInterval: time.Hour, Known: planned,
	}
}

// mixed returns sensors of every kind.
func mixed() []kind {
	return []kind{{"a", 200, time.Second}, {"b", 100, 10 * time.Minute}, {"c", 50, time.Hour}, {"d", 12, 0}}
}

func target(expression string, maxAge time.Duration, weight float64) inventory.Rule {
	return inventory.Rule{Machine: match.MustCompile(expression), MaxAge: maxAge, Weight: weight}
}

func complete(o *poller.Options) { o.Complete = true }

func TestPlanText(t *testing.T) {
	for name, p := range map[string]Page{
		"fits":   page(1000, nil, kind{"a", 50, 10 * time.Minute}, kind{"b", 1, time.Hour}),
		"unseen": page(1000, nil, mixed()...),
		"targets-met": page(1000, func(o *poller.Options) {
			o.Rules = []inventory.Rule{target("am1", 15*time.Minute, 1), target("bm1", 5*time.Minute, 1), target("none", time.Minute, 1)}
		}, mixed()...),
		"targets-relaxed": page(1000, func(o *poller.Options) {
			o.Rules = []inventory.Rule{target("a.*", 5*time.Minute, 1), target("d.*", 5*time.Second, 1), target("b.*", 0, 9)}
		}, mixed()...),
		"lists-limited":      page(1000, func(o *poller.Options) { o.DiscoveryInterval = 10 * time.Minute }, mixed()...),
		"stale":              page(100, func(o *poller.Options) { o.StaleAfter = 30 * time.Minute }, mixed()...),
		"one":                page(1000, nil, kind{"a", 1, time.Second}),
		"complete":           page(1000, complete, kind{"a", 10, 5 * time.Second}, kind{"b", 200, time.Minute}),
		"complete-not-met":   page(1000, complete, mixed()...),
		"complete-would-fit": page(1000, nil, kind{"a", 10, 5 * time.Second}, kind{"b", 200, time.Minute}),
	} {
		golden(t, name, written(p))
	}
	failing := page(1000, func(o *poller.Options) {
		for i := range 30 {
			s := &o.State.Accounts[0].Machines[i/20].Sensors[i%20]
			s.Rare = &reading.Rare{Failure: "status 404", Failures: 20, LastFailure: planned}
		}
	}, mixed()...)
	golden(t, "failing", written(failing))
	p := page(1000, nil, kind{"a", 500, time.Second})
	p.RequestsPerHour = 2000 // as if the exporter had learned a lower limit
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
		t.Errorf("%s differs (go test ./internal/plan -update writes it) %s", file, differing(got, string(want)))
	}
	for line := range strings.Lines(got) {
		if n := len([]rune(line)); n > 112 {
			t.Errorf("%s: a line of %d characters is too long for a screen: %s", file, n, line)
		}
	}
}

// differing returns the first lines that differ.
func differing(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	i := 0
	for i < min(len(g), len(w))-1 && g[i] == w[i] {
		i++
	}
	end := func(lines []string) string { return strings.Join(lines[i:min(len(lines), i+3)], "\n") }
	return fmt.Sprintf("from line %d:\n%s\nwant:\n%s", i+1, end(g), end(w))
}

func TestAdviceIsSufficient(t *testing.T) {
	demanding := func(o *poller.Options) {
		o.DiscoveryInterval = 10 * time.Minute
		o.Rules = []inventory.Rule{target("a.*", 5*time.Minute, 1)}
	}
	before := page(1000, demanding, mixed()...)
	for _, phrase := range []string{"The max-age targets need", "Discovery may take", "on /metrics. To"} {
		found := regexp.MustCompile(phrase + `.* requests_per_hour: (\d+)`).FindStringSubmatch(strings.Join(before.advice(), "\n"))
		if found == nil {
			t.Fatalf("no advice with %q in %q", phrase, before.advice())
		}
		perHour, _ := strconv.ParseFloat(found[1], 64)
		if text := strings.Join(page(perHour, demanding, mixed()...).advice(), "\n"); strings.Contains(text, phrase) {
			t.Errorf("with requests_per_hour %g still %q", perHour, text)
		}
	}
	longer := regexp.MustCompile(`max_age of (\w+) instead`).FindStringSubmatch(before.relaxed()[0])
	age, err := time.ParseDuration(longer[1])
	if err != nil {
		t.Fatal(err)
	}
	after := page(1000, func(o *poller.Options) {
		demanding(o)
		o.Rules[0].MaxAge = age
	}, mixed()...)
	if after.relaxed() != nil || !after.MaxAges[0].Met() {
		t.Errorf("with a max_age of %s still %q", age, after.relaxed())
	}
}

func TestAdviceForEveryReadingIsSufficient(t *testing.T) {
	for name, before := range map[string]Page{
		"off": page(1000, nil, mixed()...), "on": page(1000, complete, mixed()...),
	} {
		text := strings.Join(before.advice(), " ") + before.pages()
		found := regexp.MustCompile(`For all of them, set page_size: (\d+) or requests_per_hour: (\d+)`).FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("%s: no advice in %q", name, text)
		}
		size, _ := strconv.Atoi(found[1])
		perHour, _ := strconv.ParseFloat(found[2], 64)
		larger := page(1000, func(o *poller.Options) { complete(o); o.Accounts[0].PageSize = size }, mixed()...)
		for setting, after := range map[string]Page{found[1]: larger, found[2]: page(perHour, complete, mixed()...)} {
			if after.Pages.Missing > 0 || !strings.HasSuffix(after.pages(), "no reading is missed") {
				t.Errorf("%s: with %s: %s", name, setting, after.pages())
			}
		}
	}
}

func TestPlanHandlesExtremeRates(t *testing.T) {
	for _, perHour := range []float64{1e-300, 1e-9, 1e-3, 0.5, 1e7} {
		for _, every := range []time.Duration{time.Millisecond, time.Second, 300 * 24 * time.Hour} {
			text := written(page(perHour, nil, kind{"a", 3, every}))
			if strings.Contains(text, "-9") || strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || strings.Contains(text, "every -") {
				t.Errorf("%g per hour, every %s:\n%s", perHour, every, text)
			}
		}
	}
}
