package humanize

import (
	"strings"
	"testing"
)

func TestWrapIndentsAllLines(t *testing.T) {
	var b strings.Builder
	Wrap(&b, 12, "  - ", "one two\nthree, and another-long-word")
	Wrap(&b, 12, "  - ", "")
	const want = "  - one two\n    three,\n    and\n    another-long-word\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
