package match

import "testing"

func TestPatternMatchesTheWholeIDOrName(t *testing.T) {
	p := MustCompile("Press|Mill")
	for name, want := range map[string]bool{"Press": true, "Mill": true, "Press 1": false, "Old Mill": false, "Press\nMill": false, "": false} {
		if p.Match("id", name) != want || p.Match(name, "name") != want {
			t.Errorf("%q: match is not %t", name, want)
		}
	}
	if any := MustCompile(".*"); !any.Match("id", "two\nlines") || any.String() != ".*" {
		t.Errorf("%q does not match everything", any)
	}
	if !(Pattern{}).Match("id", "name") {
		t.Error("the zero pattern does not match")
	}
}

func TestCompileNamesTheFaultWithoutTheText(t *testing.T) {
	for text, want := range map[string]string{
		"x[": "missing closing ]", "a)|(b": "unexpected )", "(a": "missing closing )", "*": "missing argument to repetition operator",
		`\8`: "invalid escape sequence", "(?P<a-b>x)": "invalid named capture", "a{1001}": "invalid repeat count", "\xff": "invalid UTF-8",
	} {
		if _, err := Compile(text); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestFilterRejectsWithTheReason(t *testing.T) {
	both := Filter{
		Include: []Pattern{MustCompile("Press.*"), MustCompile("m7")},
		Exclude: []Pattern{MustCompile(`Press \(old\)`)},
	}
	for _, test := range []struct {
		filter         Filter
		id, name, want string
	}{
		{Filter{}, "m1", "Press 1", ""},
		{both, "m1", "Press 1", ""},
		{both, "m7", "Mill", ""},
		{both, "m7", "Press (old)", `discovery.machines.exclude "Press \\(old\\)"`},
		{both, "m8", "Mill", "not in discovery.machines.include"},
		{Filter{Exclude: both.Exclude}, "m8", "Mill", ""},
	} {
		if got := test.filter.Reject("discovery.machines", test.id, test.name); got != test.want {
			t.Errorf("%s %q: got %q, want %q", test.id, test.name, got, test.want)
		}
	}
}
