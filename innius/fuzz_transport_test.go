package innius

import (
	"testing"
	"time"
)

// FuzzRetryAfter protects an account from a header that would stop it without end, or not at all.
func FuzzRetryAfter(f *testing.F) {
	for _, header := range []string{
		"", "0", "1", "86400", "86401", "99999999999999999999", "-1", "1.5", " 7 ", "soon", "0x10", "٣",
		"Mon, 02 Mar 2026 12:00:00 GMT", "Monday, 02-Mar-26 12:00:00 GMT", "Mon Mar  2 12:00:00 2026", "Mon, 02 Mar 9999 12:00:00 GMT",
	} {
		f.Add(header, int64(1772452800))
		f.Add(header, int64(-62135596800))
	}
	f.Fuzz(func(t *testing.T, header string, clock int64) {
		wait, stated := parseRetryAfter(header, time.Unix(clock, 0))
		if wait < 0 || wait > 24*time.Hour {
			t.Errorf("%q: wait of %s", header, wait)
		}
		if !stated && wait != 0 {
			t.Errorf("%q: %s though nothing was stated", header, wait)
		}
		if wait%time.Second != 0 {
			t.Errorf("%q: a part of a second in %s", header, wait)
		}
	})
}
