package apicheck

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"innius_exporter/innius"
)

const (
	pagesAtOnce = 5              // that the exporter follows in one go: see innius.Client.Newest
	farBehind   = 24 * time.Hour // a newest reading older than this after them is said to lag
	farBack     = 30 * 24 * time.Hour
)

// noValue says why no value was seen, from what was tried.
func (w *walk) noValue(ctx context.Context) *Finding {
	if ctx.Err() != nil {
		return stopped()
	}
	var empty *trial
	for _, reason := range []innius.SkipReason{innius.SkipTime, innius.SkipFuture, innius.SkipText, innius.SkipNumber} {
		for _, t := range w.tried {
			if t.in.Values.Skipped[reason] > 0 {
				return w.unusable(t, reason)
			}
		}
	}
	for _, t := range w.tried {
		empty = t
	}
	switch {
	case empty != nil:
		return w.nothing(ctx, empty)
	case len(w.odd) > 0:
		return &w.odd[0]
	}
	return w.noSensors()
}

// unusable says why a sensor's readings cannot be exposed.
func (w *walk) unusable(t *trial, reason innius.SkipReason) *Finding {
	switch reason {
	case innius.SkipTime:
		return w.strangeTime(t)
	case innius.SkipFuture:
		return w.future(t)
	case innius.SkipText:
		return w.words(t)
	}
	return fail("value", w.chooseField("value", t.in.Unknown),
		fmt.Sprintf("The readings of %s hold no number (%s). If another field holds the value, choose it:",
			w.nameOf(t), first(t, reason).Text)).shown(t.in)
}

// first is the first reading that is skipped for a reason.
func first(t *trial, reason innius.SkipReason) innius.Reading {
	for _, r := range t.in.Values.Readings {
		if r.Skip == reason {
			return r
		}
	}
	return innius.Reading{}
}

func (w *walk) nameOf(t *trial) string {
	return w.name(t.sensor.Name) + " of " + w.name(t.machine.Name)
}

func (w *walk) strangeTime(t *trial) *Finding {
	text := first(t, innius.SkipTime).Text
	why := "Understood are RFC 3339 with a zone (2026-03-02T11:00:00Z) and seconds, milli-, micro- or nanoseconds since 1970, between " +
		"1990 and 2100."
	if digits := strings.Trim(text, "0123456789."); digits == "" && text != "" {
		why += " This is a number with too few, or too many, digits for any of these."
	}
	f := fail("time-unit", w.chooseField("time", t.in.Unknown),
		"The time of a reading is not understood: "+quote(text)+".", why).shown(t.in)
	if len(candidates("time", t.in.Unknown)) == 0 {
		f.Text = append(f.Text, "No other field of a reading looks like a time. If the API can give another form, ask for it in "+
			"endpoints.values; if not, please report this, with the answer below.")
		f.Set = w.account("endpoints:", w.endpoint(innius.OpValues, w.template(innius.OpValues))+"  # ask for another form here")
	}
	return f
}

func (w *walk) future(t *trial) *Finding {
	clock := "innius' clock"
	if t.in.Date.IsZero() {
		clock = "this machine's clock (innius tells none)"
	}
	return fail("future", "", fmt.Sprintf("All readings of %s are more than 5 minutes ahead of %s, the newest by %s. The exporter skips "+
		"them: they would look fresh for ever.", w.nameOf(t), clock, span(time.Until(t.in.Values.Newest).Abs())),
		"There is no setting for it: the clock of the sensor's gateway, or of this machine, must be set right (NTP).")
}

// words is a sensor that tells a state in text.
func (w *walk) words(t *trial) *Finding {
	lines := []string{
		"sensors:", "  - machine: " + quote(pattern(t.machine.Name)), "    sensor: " + quote(pattern(t.sensor.Name)), "    values:",
	}
	known := map[string]bool{}
	for _, r := range t.in.Values.Readings {
		if r.Skip == innius.SkipText && !known[r.Text] && len(known) < 10 {
			lines = append(lines, "      "+quote(r.Text)+": "+strconv.Itoa(len(known))+"  # choose the number")
			known[r.Text] = true
		}
	}
	return fail("text", w.general(lines...), "The values that were seen are text, such as "+quote(first(t, innius.SkipText).Text)+
		" of the sensor "+w.nameOf(t)+". Prometheus knows numbers only: give each text one.",
		"If other sensors have numbers, this is no failure of the API: --all lists them all.")
}

// pattern matches a name, and only that.
func pattern(name string) string {
	var b strings.Builder
	for _, r := range name {
		if strings.ContainsRune(`\.+*?()|[]{}^$`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// nothing finds out why sensors have no readings at all.
func (w *walk) nothing(ctx context.Context, t *trial) *Finding {
	text := plural(len(w.tried), "sensor has", "sensors have") + " no readings"
	if !w.o.Client.Windowed() {
		text += ", asked without a window of time."
		if query := w.heeded(ctx, t); query != "" {
			return fail("no-values", w.account(w.windowLines(query)...), text, "With a window there are readings:")
		}
		return fail("no-values", w.account(w.windowLines(usualWindow)...),
			text, "Either they never reported, or innius wants to be told a window of time.").shown(t.in)
	}
	text += fmt.Sprintf(" in the last %s, which is the lookback of the config.", span(w.o.Account.Lookback))
	if w.o.Account.Lookback < farBack {
		ask := w.valuesOf(t.machine, t.sensor)
		ask.Lookback = farBack
		in, failed := w.ask(ctx, ask, "again, with a lookback of 30 days")
		if failed == nil && in.Values.Usable > 0 {
			age := time.Since(in.Values.Newest)
			return fail("window", w.account(fmt.Sprintf("lookback: %dd", int(age/(24*time.Hour))+2)),
				text, fmt.Sprintf("With 30 days there are: the newest is %s old.", span(age)))
		}
		text += " Nor are there any in the last 30 days."
	}
	return fail("window", w.account(w.windowLines("")...),
		text, "Either these sensors are silent, or the window is asked for in another way than innius understands.").shown(t.in)
}

// remarkValues judges a page that has values.
func (w *walk) remarkValues(ctx context.Context, t *trial) {
	v := t.in.Values
	if v.Mixed {
		w.find(&Finding{Kind: "mixed-order", Severity: Warning, Text: []string{
			"The readings of a page are in no order. The exporter takes the one with the greatest time of each page.",
		}})
	}
	ignored := w.o.Client.Windowed() && v.Oldest.Before(t.in.From.Add(-time.Minute))
	onward := v.Order == innius.Ascending && t.in.Next != ""
	switch {
	case ignored && onward:
		w.find(fail("window-ignored", w.account(w.windowLines("")...),
			w.older(t), "Oldest first, the newest value would be reached after "+w.pages(t)+" only.").shown(t.in))
	case ignored:
		w.find(&Finding{Kind: "window-ignored", Severity: Warning, Text: []string{
			w.older(t), "The newest value is found nevertheless. Correct the names or units in endpoints.values to get smaller answers.",
		}})
	case onward && !w.o.Client.Windowed():
		w.find(w.ascending(ctx, t))
	}
}

func (w *walk) older(t *trial) string {
	return "The window of time is not heeded: asked for were readings since " + at(t.in.From) + ", and some came of " +
		at(t.in.Values.Oldest) + "."
}

// ascending is a list that begins with the oldest reading and goes on, without a window.
func (w *walk) ascending(ctx context.Context, t *trial) *Finding {
	v := t.in.Values
	text := "The values come oldest first, and more pages follow: the newest value of " + w.nameOf(t) + " is " + w.pages(t) +
		" away, one request each, for this one sensor."
	query, why := w.heeded(ctx, t), "A window of time leads to it at once, and innius heeds this one:"
	if query == "" {
		query, why = usualWindow, "A window of time would lead to it at once."
	}
	f := fail("order", w.account(w.windowLines(query)...), text, why)
	if reached := v.Newest.Add((pagesAtOnce - 1) * v.Newest.Sub(v.Oldest)); time.Since(reached) < farBehind {
		f.Severity = Warning
	}
	return f
}

// pages is how many pages lie between the first and the newest reading, if all are as long as the first.
func (w *walk) pages(t *trial) string {
	v := t.in.Values
	covered := v.Newest.Sub(v.Oldest)
	if covered <= 0 {
		return "many pages"
	}
	return "about " + plural(int(time.Since(v.Newest)/covered)+1, "page", "pages")
}

func at(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
