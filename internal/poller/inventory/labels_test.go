package inventory

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestRepairGivesValidBoundedLabels(t *testing.T) {
	long := strings.Repeat("Förderband ", 20)
	for name, c := range map[string]struct{ text, id, want string }{
		"plain":           {"Wind Turbine V1-001", "x", "Wind Turbine V1-001"},
		"quotes, slashes": {`Press "7" / ü`, "x", `Press "7" / ü`},
		"invalid UTF-8":   {"a\xffb", "x", "a\uFFFDb"},
		"empty":           {"", "x", ""},
		"just fits":       {strings.Repeat("a", maxLabel), "x", strings.Repeat("a", maxLabel)},
		"cut":             {strings.Repeat("a", maxLabel+1), "x", strings.Repeat("a", maxLabel-9) + "~fd0c5087"},
		"cut in a rune":   {long, "y", long[:119] + "~fc0c4ef4"},
	} {
		got := Repair(c.text, c.id)
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if len(got) > maxLabel || !utf8.ValidString(got) {
			t.Errorf("%s: %q is %d bytes long, valid: %t", name, got, len(got), utf8.ValidString(got))
		}
	}
}

func TestRepairKeepsLongNamesDifferent(t *testing.T) {
	long := strings.Repeat("Mixer ", 40)
	if a, b := Repair(long+"1", "id-1"), Repair(long+"2", "id-2"); a == b {
		t.Errorf("both are %q", a)
	}
}

func TestLabelModeFallsBackToID(t *testing.T) {
	for _, c := range []struct {
		mode           LabelMode
		id, name, want string
	}{
		{LabelName, "1", "One", "One"},
		{LabelName, "1", "", "1"},
		{LabelName, "1", " \t", "1"},
		{LabelID, "1", "One", "1"},
	} {
		if got := c.mode.Label(c.id, c.name); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// candidatesOf makes candidates of texts "label|id|id".
func candidatesOf(texts ...string) []labelCandidate {
	candidates := make([]labelCandidate, len(texts))
	for i, text := range texts {
		parts := strings.Split(text, "|")
		candidates[i] = labelCandidate{label: parts[0], ids: parts[1:]}
	}
	return candidates
}

func TestDisambiguateTable(t *testing.T) {
	for name, c := range map[string]struct{ candidates, want []string }{
		"unique":              {[]string{"A|1", "B|2"}, []string{"A", "B"}},
		"two of one name":     {[]string{"A|1", "A|2", "B|3"}, []string{"A (1)", "A (2)", "B"}},
		"looks like a result": {[]string{"X|1", "X|2", "X (2)|3"}, []string{"X (1)", "X (2) (2)", "X (2) (3)"}},
		"one id, two parents": {[]string{"A|1|p", "A|1|q"}, []string{"A (1) (p)", "A (1) (q)"}},
		"ids equal when cut":  {[]string{"A|\xff", "A|\xfe"}, []string{numbered("A", 4), numbered("A", 4) + " #2"}},
		"ids that look like 2": {[]string{"A|b) (c", "A|x", "A (b)|c", "A (b)|y"}, []string{
			"A (b) (c) (b) (c)", "A (x)", "A (b) (c) (c)", "A (b) (y)",
		}},
	} {
		candidates := candidatesOf(c.candidates...)
		disambiguate(candidates)
		for i, want := range c.want {
			got, before := candidates[i], candidatesOf(c.candidates[i])[0].label
			if got.label != want || got.collision != (want != before) {
				t.Errorf("%s: %q became %+v, want %q", name, before, got, want)
			}
		}
	}
}

// numbered is a name after n rounds with an id that cannot be shown.
func numbered(name string, n int) string { return name + strings.Repeat(" (\uFFFD)", n) }

func checkUnique(t *testing.T, candidates []labelCandidate) {
	t.Helper()
	seen := map[string]bool{}
	for _, c := range candidates {
		if seen[c.label] {
			t.Fatalf("%q twice among %v", c.label, candidates)
		}
		seen[c.label] = true
		if len(c.label) > maxLabel+maxRounds*(maxLabel+3)+8 {
			t.Fatalf("a label of %d bytes", len(c.label))
		}
	}
}

func FuzzDisambiguateMakesLabelsUnique(f *testing.F) {
	f.Add("X\nX\nX (2)", "1\n2\n3")
	f.Add("A\nA\nA (1)\nA (1) (1)\nA (2)", "1\n2\n3\n4\n5")
	f.Add("\n\n", "\xff\n\xfe\n")
	f.Add(strings.Repeat("A\n", 9), strings.Repeat("long id ", 30))
	f.Fuzz(func(t *testing.T, names, ids string) {
		id := strings.Split(ids, "\n")
		var candidates []labelCandidate
		for i, name := range strings.Split(names, "\n") {
			candidates = append(candidates, labelCandidate{label: Repair(name, id[i%len(id)]), ids: []string{id[i%len(id)]}})
		}
		disambiguate(candidates)
		checkUnique(t, candidates)
	})
}

func TestDisambiguateSurvivesHashCollisions(t *testing.T) {
	prefix, seen, r := strings.Repeat("x", maxLabel), map[uint32]string{}, rand.New(rand.NewPCG(1, 2))
	for range 300_000 {
		id := fmt.Sprintf("%s%x", prefix, r.Uint64())
		if other, ok := seen[hash(id)]; ok {
			candidates := []labelCandidate{{label: Repair(id, id), ids: []string{id}}, {label: Repair(other, other), ids: []string{other}}}
			disambiguate(candidates)
			checkUnique(t, candidates)
			return
		}
		seen[hash(id)] = id
	}
	t.Fatal("no two hashes collided")
}

// oneOf draws from a few texts: few, so that they clash all the time.
func oneOf(r *rand.Rand, texts ...string) string { return texts[r.IntN(len(texts))] }
