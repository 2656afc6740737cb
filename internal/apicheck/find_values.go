package apicheck

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"innius_exporter/innius"
)

const (
	pagesAtOnce = 5              // that the exporter follows in one go: see innius.Client.Newest
	farBehind   = 24 * time.Hour // a newest reading older than this after them is said to lag
	farBack     = 30 * 24 * time.Hour
)

// noValue finds why no value was seen: each cause that the tried sensors show, as every one of them has to be set right.
func (w *walk) noValue(ctx context.Context) {
	before := len(w.report.Findings)
	for _, t := range w.tried {
		skipped := t.in.Values.Skipped
		if skipped[innius.SkipFuture] > 0 {
			w.find(w.future(t))
		} else if skipped[innius.SkipText] > 0 {
			w.find(w.words(t))
		}
	}
	switch {
	case ctx.Err() != nil:
		w.find(stopped())
	case len(w.report.Findings) > before:
	case len(w.tried) > 0:
		w.remarkOdd()
		w.find(w.nothing(ctx, w.tried[0]))
	case len(w.odd) == 0:
		w.find(w.noSensors())
	default:
		for _, f := range w.odd {
			w.find(f)
		}
	}
}

// unreadable is a page of values of which no reading can be used, for its time or for want of a number.
func (w *walk) unreadable(in *innius.Inspection) *Finding {
	v := in.Values
	switch {
	case v.Usable > 0 || v.Skipped[innius.SkipText]+v.Skipped[innius.SkipFuture] > 0:
	case v.Skipped[innius.SkipTime] > 0:
		return w.strangeTime(in)
	case v.Skipped[innius.SkipNumber] > 0:
		f := fail(kindValue, w.chooseField("value", in.Unknown), fmt.Sprintf(
			"The readings of this sensor hold no number (%s). If another field holds the value, choose it.",
			first(in, innius.SkipNumber).Text)).shown(in)
		f.tries = choose(in.Facts[1], in.Unknown)
		return f
	}
	return nil
}

// first is the first reading that is skipped for a reason.
func first(in *innius.Inspection, reason innius.SkipReason) innius.Reading {
	for _, r := range in.Values.Readings {
		if r.Skip == reason {
			return r
		}
	}
	return innius.Reading{}
}

func (w *walk) nameOf(t *trial) string {
	return w.name(t.sensor.Name) + " of " + w.name(t.machine.Name)
}

func (w *walk) strangeTime(in *innius.Inspection) *Finding {
	reading := first(in, innius.SkipTime)
	text := reading.Text
	why := "Understood are RFC 3339 with a zone (2026-03-02T11:00:00Z) and seconds, milli-, micro- or nanoseconds since 1970, between " +
		"1990 and 2100."
	if digits := strings.Trim(text, "0123456789."); digits == "" && text != "" {
		why += " This is a number with too few, or too many, digits for any of these."
	}
	f := fail("time-unit", w.chooseField("time", in.Unknown), "The time of a reading is not understood: "+first(in, innius.SkipTime).Shown()+".", why).shown(in)
	f.tries = append(choose(in.Facts[0], in.Unknown), w.zones(in)...)
	if len(candidates("time", in.Unknown)) == 0 {
		f.Text = append(f.Text, "If it has no zone, name the one that it is in: fields.time_zone. Else, if the API can give another form, "+
			"state that in endpoints.values; if not, please report this, with the answer below.")
		f.Set = w.yaml(w.pathLines(innius.OpValues, "another form of time may be a parameter here")...)
	}
	return f
}

// zones are those in which the newest reading is as recent as the page lets expect. With more than one of them, any would be
// a guess.
func (w *walk) zones(in *innius.Inspection) [][]Setting {
	now := in.Date
	if now.IsZero() {
		now = time.Now()
	}
	var zones []Setting
	for _, zone := range []string{"UTC", "Europe/Amsterdam", time.Local.String()} {
		if s := (Setting{"fields.time_zone", zone}); zone != "Local" && !slices.Contains(zones, s) {
			zones = append(zones, s)
		}
	}
	return w.only(in, zones, func(again *innius.Inspection) bool {
		v := again.Values
		pace := v.Newest.Sub(v.Oldest) / time.Duration(max(1, in.Items-1))
		age := now.Sub(v.Newest)
		return age > -time.Minute && pace < 20*time.Minute && age < max(3*pace, 5*time.Minute)
	})
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
	text := first(t.in, innius.SkipText)
	if text.Hint() != "" {
		return fail("text", "", "The values of "+w.nameOf(t)+" are text, such as "+text.Shown()+". No setting can express that: the API must "+
			"write numbers with a point and without a unit. Please report it, with the response below.").shown(t.in)
	}
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
	return fail("text", w.general(lines...), "The values that were seen are text, such as "+first(t.in, innius.SkipText).Shown()+
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

// nothing finds out why sensors have no readings at all. The path is right: the responses are empty lists.
func (w *walk) nothing(ctx context.Context, t *trial) *Finding {
	text := plural(len(w.tried), "sensor has", "sensors have") + " no readings"
	f := fail("no-values", w.yaml(w.pathLines(innius.OpValues, windowHint)...), text+", polled without a window of time.",
		"The path is right, for the responses are empty lists. Either these sensors never reported, or innius wants to be told a window of time.")
	if w.client.Windowed() {
		f = fail("window", "", text+" in the last "+span(w.account.Lookback)+", which is the lookback of the config.",
			"Either these sensors are silent, or the window is asked for in another way than innius understands.")
		f.tries = [][]Setting{{{"lookback", model.Duration(farBack).String()}}}
	}
	f.tries = append(f.tries, w.windows(innius.OpValues, "")...)
	in, settings := w.cure(ctx, w.valuesOf(t.machine, t.sensor), t.in, f, 0)
	if in == nil || !shows(in) {
		return f.shown(t.in)
	}
	found := w.cured(f, settings)
	found.Kind = f.Kind
	return found
}

// remarkValues judges a page that has values.
func (w *walk) remarkValues(ctx context.Context, t *trial) {
	v := t.in.Values
	if v.Mixed {
		w.find(&Finding{Kind: "mixed-order", Severity: Warning, Text: []string{
			"The readings of a page are in no order. The exporter takes the one with the greatest time of each page.",
		}})
	}
	ignored := w.client.Windowed() && v.Oldest.Before(t.in.From.Add(-time.Minute))
	onward := v.Order == innius.Ascending && t.in.Next != ""
	switch {
	case onward:
		w.ascending(ctx, t, ignored)
	case ignored:
		w.find(&Finding{Kind: "window-ignored", Severity: Warning, Text: []string{
			"The window of time is not heeded: asked for were readings since " + at(t.in.From) + ", and some came of " + at(v.Oldest) + ".",
			"The newest value is found nevertheless. Correct the names or units in endpoints.values to get smaller answers.",
		}})
	}
}

// ascending judges a page that begins with the oldest reading while more pages follow: the next one may be older, or a window
// leads to the newest one.
func (w *walk) ascending(ctx context.Context, t *trial, ignored bool) {
	v := t.in.Values
	if w.client.Windowed() && !ignored {
		if _, ok := w.proves(ctx, t); ok || w.report.Requests >= w.limit {
			return
		}
	}
	if w.report.Requests < w.limit {
		ask := w.valuesOf(t.machine, t.sensor)
		ask.StartKey = t.in.Next
		next, failure := w.send(ctx, ask, "next page")
		if failure == nil && next.Items > 0 && next.Values.Newest.Before(v.Oldest) {
			w.find(&Finding{Kind: "pages-back", Severity: Note, Text: []string{
				"Each page of values is oldest first, but the next page is older: the first page holds the newest value. That is no harm.",
			}})
			return
		}
	}
	kind, text := "order", "The values come oldest first, and more pages follow: the newest value of "+w.nameOf(t)+" is "+w.pages(t)+
		" away, one request each, for this one sensor."
	if w.client.Windowed() {
		kind, text = "window-ignored", "The API does not apply the window of time of endpoints.values. "+text
	}
	f := fail(kind, "", text)
	if settings := w.provenWindow(ctx, t); settings != nil {
		f.Text = append(f.Text, "A window of time leads to it at once. This was tried, and the API applies it:")
		w.proven(f, settings...)
	} else {
		f.Text = append(f.Text, "A window of time would lead to it at once. None of the usual ones was seen to work.")
		f.Set = w.yaml(w.pathLines(innius.OpValues, windowHint)...)
	}
	if reached := v.Newest.Add((pagesAtOnce - 1) * v.Newest.Sub(v.Oldest)); time.Since(reached) < farBehind {
		f.Severity = Warning
	}
	w.find(f)
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
