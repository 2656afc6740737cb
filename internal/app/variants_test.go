package app

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"innius_exporter/innius"
	"innius_exporter/internal/apicheck"
	"innius_exporter/internal/simulator"
)

var (
	variantsFull = flag.Bool("variants.full", false, "300 variants of the API instead of 30")
	variantsSeed = flag.Uint64("variants.seed", 0, "the variants of one seed only, which need not be among the usual ones")
	variantsOf   = flag.Int("variants.of", 10, "how many variants of the one seed")
	variantsOnly = flag.String("variants.only", "", "the variant of this name only")
)

// eachVariant runs a test with every variant, in parallel, and returns when all have ended. The variants are the same in each run, so that
// a failure is not by chance.
func eachVariant(t *testing.T, test func(t *testing.T, v *variant)) []*variant {
	var all []*variant
	switch {
	case *variantsSeed != 0:
		all = variants(*variantsSeed, *variantsOf)
	case *variantsFull:
		for seed := range uint64(6) {
			all = append(all, variants(seed+1, 50)...)
		}
	default:
		all = variants(1, 30)
	}
	all = slices.DeleteFunc(all, func(v *variant) bool { return *variantsOnly != "" && v.name != *variantsOnly })
	t.Run("variant", func(t *testing.T) {
		for _, v := range all {
			t.Run(v.name, func(t *testing.T) {
				t.Parallel()
				test(t, v)
			})
		}
	})
	return all
}

// tally counts failures by variant.
type tally struct {
	mu     sync.Mutex
	failed map[*variant][]string
}

func (f *tally) add(v *variant, problems ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed == nil {
		f.failed = map[*variant][]string{}
	}
	f.failed[v] = append(f.failed[v], problems...)
}

// table shows how often each switch was on, and in how many failures.
func (f *tally) table(all []*variant) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d variants, %d failed\n%-36s %5s %6s %8s\n", len(all), len(f.failed), "switch", "on", "share", "failures")
	for _, s := range switches {
		on, failed := 0, 0
		for _, v := range all {
			if slices.Contains(v.on, s.name) {
				on++
				if f.failed[v] != nil {
					failed++
				}
			}
		}
		fmt.Fprintf(&b, "%-36s %5d %5d%% %8d\n", s.name, on, 100*on/max(1, len(all)), failed)
	}
	return b.String()
}

// list names the failures, each with its switches.
func (f *tally) list() string {
	var b strings.Builder
	for v, problems := range f.failed {
		fmt.Fprintf(&b, "%s: %s\n    %s\n", v.name, strings.Join(v.on, ", "), strings.Join(problems, "\n    "))
	}
	return b.String()
}

// facts are the words that name what no setting can express, in a report or a log.
var facts = map[string][]string{
	"an id is too long":                  {"an id of "},
	"the API returned the key":           {"returned the key"},
	"decimal comma":                      {"decimal comma"},
	"percent sign":                       {"percent sign"},
	"the window needs epoch nanoseconds": {"nanosecond"},
}

// namesFact reports whether a text names one of the facts that no setting can express.
func (v *variant) namesFact(text string) bool {
	return slices.ContainsFunc(v.facts, func(fact string) bool {
		return slices.ContainsFunc(facts[fact], func(word string) bool { return strings.Contains(text, word) })
	})
}

func TestExporterReadsEveryVariantOfTheAPI(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	var failures tally
	all := eachVariant(t, func(t *testing.T, v *variant) {
		if len(v.facts) > 0 {
			failures.check(v, v.cannotExpress(t))
			return
		}
		failures.check(v, v.run(t, v.described(t)).problems)
	})
	t.Log(failures.table(all))
	for _, s := range switches {
		if *variantsOnly == "" && float64(count(all, s.name)) < 0.1*float64(len(all)) {
			t.Errorf("the switch %q is on in %d of %d variants only", s.name, count(all, s.name), len(all))
		}
	}
	if len(failures.failed) > 0 {
		t.Errorf("failures:\n%s", failures.list())
	}
}

func count(all []*variant, name string) (n int) {
	for _, v := range all {
		if slices.Contains(v.on, name) {
			n++
		}
	}
	return n
}

func (f *tally) check(v *variant, problems []string) {
	if len(problems) > 0 {
		f.add(v, problems...)
	}
}

// cannotExpress looks whether report and log name the fact that no setting can express.
func (v *variant) cannotExpress(t *testing.T) (problems []string) {
	text := v.described(t)
	report := v.checkAPI(t, text)
	shown, err := json.Marshal(report.Findings)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case !v.couldSee(report):
		t.Logf("within its requests, check api saw no reading: %s", shown)
	case report.OK:
		problems = append(problems, fmt.Sprintf("check api finds nothing wrong, want: %q", v.facts))
	case !v.namesFact(string(shown)):
		problems = append(problems, fmt.Sprintf("check api does not name %q: %.2500s", v.facts, shown))
	}
	r := v.run(t, text)
	lines := map[string]int{}
	for line := range strings.Lines(r.log) {
		if _, rest, ok := strings.Cut(line, " level="); ok && v.namesFact(line) {
			lines[rest]++
		}
	}
	if len(lines) == 0 {
		problems = append(problems, fmt.Sprintf("the log does not name %q: %.1500s", v.facts, r.log))
	}
	for line, n := range lines {
		if n > 1 {
			problems = append(problems, fmt.Sprintf("logged %d times: %s", n, line))
		}
	}
	for _, p := range r.problems {
		if strings.HasPrefix(p, "the key is in") || strings.Contains(p, "bytes: ") || strings.Contains(p, "rate limit") {
			problems = append(problems, p)
		}
	}
	return problems
}

// couldSee reports whether a check may know the facts. How values are written, and how their window is, is seen only where the
// requests that are not kept for probing lead to a reading with a usable time, or to a window that is refused: of a plant whose
// first lists are empty, in pages of which every other is empty, or after sensors that fail or are ahead, they may not.
func (v *variant) couldSee(report *apicheck.Report) bool {
	window := slices.Contains(v.facts, "the window needs epoch nanoseconds")
	if report.OK || report.Requests < 7 || !window && v.opts.Format.Decimal == simulator.Point {
		return true
	}
	return slices.ContainsFunc(report.Steps, func(s apicheck.Step) bool {
		return s.Operation == simulator.OpValues &&
			(window && s.Status == http.StatusBadRequest || s.Items > s.Values.Skipped[innius.SkipFuture])
	})
}

// runs is how often `check api` is run and its settings are applied at most.
const runs = 4

func TestCheckAPISettingsAppliedMechanicallyWork(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	var failures, hidden tally
	all := eachVariant(t, func(t *testing.T, v *variant) {
		text := v.minimal()
		var advice []string
		for range runs {
			report := v.checkAPI(t, text)
			next := applySettings(t, text, report)
			shown, err := json.Marshal(report.Findings)
			if err != nil {
				t.Fatal(err)
			}
			advice = append(advice, fmt.Sprintf("check api: %.500s", shown))
			if sameConfig(t, next, text) {
				break
			}
			text = next
		}
		after := v.run(t, text)
		if !sameConfig(t, text, v.minimal()) {
			before := v.run(t, v.minimal())
			for id, right := range before.right {
				if right && !after.right[id] {
					t.Errorf("sensor %.20q was right before %v and is not after it", id, advice)
				}
			}
		}
		switch problems := append(after.problems, advice...); {
		case len(v.facts) > 0 || len(after.problems) == 0:
		case len(v.hidden) > 0:
			hidden.add(v, "not shown: "+strings.Join(v.hidden, ", "))
		default:
			failures.add(v, problems...)
		}
	})
	shown := 0
	for _, v := range all {
		if len(v.facts) == 0 && len(v.hidden) == 0 {
			shown++
		}
	}
	t.Log(failures.table(all))
	t.Logf("%d of %d variants can be described and show their paths and parameters; %d of them do not work after the advice", shown, len(all), len(failures.failed))
	t.Logf("variants that do not show what is needed, and do not work: %d\n%s", len(hidden.failed), hidden.list())
	t.Logf("failures:\n%s", failures.list())
	if n := len(failures.failed); float64(n) > max(1, 0.03*float64(shown)) { // of a few variants one would be more than 3 %
		t.Errorf("%d of %d variants do not work after the advice, want at most 3 %%", len(failures.failed), shown)
	}
}
