package poller

import (
	"fmt"
	"time"
)

// Span says a duration in words, with its two largest units.
func Span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return twoUnits(int(d.Minutes()), "min", int(d.Seconds())%60, "s")
	case d < 48*time.Hour:
		return twoUnits(int(d.Hours()), "h", int(d.Minutes())%60, "min")
	}
	return twoUnits(int(d.Hours())/24, "days", int(d.Hours())%24, "h")
}

func twoUnits(large int, largeName string, small int, smallName string) string {
	if small == 0 {
		return fmt.Sprintf("%d %s", large, largeName)
	}
	return fmt.Sprintf("%d %s %d %s", large, largeName, small, smallName)
}

// stamp says a moment exactly, and how far away it is.
func stamp(t, now time.Time) string {
	text := t.UTC().Format(time.RFC3339)
	switch away := t.Sub(now); {
	case t.IsZero():
		return "an unknown moment"
	case away >= time.Second:
		return text + " (in " + Span(away) + ")"
	case away <= -time.Second:
		return text + " (" + Span(-away) + " ago)"
	}
	return text + " (now)"
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
