package apicheck

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"innius_exporter/innius"
)

const (
	pagesAtOnce = 5              // that the exporter follows in one go: see innius.Client.Newest
	farBehind   = 24 * time.Hour // a newest reading older than this after them is a failure
	farBack     = 30 * 24 * time.Hour
)

// noValue finds why no value was seen: each cause that the tried sensors show, as each of them must be corrected.
func (w *walk) noValue(ctx context.Context) {
	before := len(w.report.Findings)
	for _, t := range w.tried {
		if t.in.Values.Skipped[innius.SkipFuture] > 0 {
			w.find(w.future(t))
		}
	}
	w.words()
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
		f.tries = choose(f, "value", holders(in.Facts[1], in))
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
	f := fail("time-unit", w.chooseField("time", in.Unknown),
		"The time of a reading is not understood: "+first(in, innius.SkipTime).Shown()+". Known are RFC 3339 with a zone, and "+
			"seconds, milli-, micro- or nanoseconds since 1970, between 1990 and 2100.",
		"If it has no zone, set fields.time_zone. If another field holds the time, set fields.time. Else please report this, with the "+
			"response below.").shown(in)
	f.tries = choose(f, "time", holders(in.Facts[0], in))
	w.zones(f, in)
	return f
}

// zones makes a failure try the zone in which the newest reading is recent. Where it is not much older in another one, any would
// be a guess.
func (w *walk) zones(f *Finding, in *innius.Inspection) {
	var zones []Setting
	for _, zone := range []string{"UTC", "Europe/Amsterdam", time.Local.String()} {
		if s := (Setting{"fields.time_zone", zone}); zone != "Local" && !slices.Contains(zones, s) {
			zones = append(zones, s)
		}
	}
	var ages []string
	var last time.Duration
	likely := w.only(zones, func() bool {
		age := now(in).Sub(w.client.Reread(in).Values.Newest)
		if age <= -time.Minute || age > 2*time.Hour {
			return false
		}
		last, ages = age, append(ages, "As "+w.account.Fields.TimeZone+" the newest reading would be "+span(max(0, age))+" old.")
		return true
	})
	if likely != nil && last < 15*time.Minute {
		f.tries = append(f.tries, likely...)
		return
	}
	f.Text = append(f.Text, ages...) // the sensor may have been silent for as long as the zones differ
}

// future is a failure where all times are ahead: another field may hold the right one.
func (w *walk) future(t *trial) *Finding {
	f := fail("future", "", "All readings of "+w.nameOf(t)+" are more than 5 minutes ahead of innius' clock, the newest by "+
		span(time.Until(t.in.Values.Newest).Abs())+". The exporter skips them.")
	fields := candidates("time", append(slices.Clip(t.in.Facts[0].Alternatives), t.in.Unknown...))
	fields = slices.DeleteFunc(fields, func(field innius.Field) bool {
		return w.only([]Setting{{"fields.time", field.Name}}, func() bool {
			v := w.client.Reread(t.in).Values
			return v.Skipped[innius.SkipFuture] == 0 && now(t.in).Sub(v.Newest) < farBehind
		}) == nil
	})
	if len(fields) == 0 {
		f.Text = append(f.Text, "There is no setting for it: correct the clock of the sensor's gateway, or of this machine (NTP).")
	}
	for _, settings := range choose(f, "time", fields) {
		f.Text = append(f.Text, "With this field, the times are right:")
		w.proven(f, settings...)
	}
	return f
}

// words finds the sensors whose values are text. All rules are in one list: of two lists in a config file only one counts.
func (w *walk) words() {
	var found []string
	var rules []any
	for _, t := range w.tried {
		numbers := map[string]int{}
		for _, r := range t.in.Values.Readings {
			if _, known := numbers[r.Text]; r.Skip == innius.SkipText && !known && len(numbers) < 10 {
				numbers[r.Text] = len(numbers)
			}
		}
		text := first(t.in, innius.SkipText)
		such := "The values of " + w.nameOf(t) + " are text, such as " + text.Shown() + "."
		switch {
		case len(numbers) == 0 || t.in.Values.Skipped[innius.SkipFuture] > 0:
		case text.Hint() != "":
			w.find(fail("text", "", such+" No setting can express that: the API must write numbers with a point and without a unit. "+
				"Please report it, with the response below.").shown(t.in))
		default:
			found = append(found, such)
			rules = append(rules, map[string]any{
				"machine": regexp.QuoteMeta(t.machine.Name), "sensor": regexp.QuoteMeta(t.sensor.Name), "values": numbers,
			})
		}
	}
	if len(rules) > 0 {
		set := strings.ReplaceAll(w.yaml(Setting{"sensors", rules}), `},{"`, "},\n  {\"") // a line for each
		w.find(fail("text", set, append(found, "Prometheus knows numbers only: choose one for each text. If other sensors have "+
			"numbers, this is no failure of the API: --all lists them all.")...))
	}
}

// nothing finds out why sensors have no readings at all. The path is right: the responses are empty lists.
func (w *walk) nothing(ctx context.Context, t *trial) *Finding {
	text := plural(len(w.tried), "sensor has", "sensors have") + " no readings"
	f := fail("no-values", w.yaml(w.pathSetting(innius.OpValues)), text+" without a window of time. "+windowHint)
	if w.client.Windowed() {
		f = fail("window", "", text+" in the last "+span(w.account.Lookback)+", the lookback of the config.",
			"Either these sensors are silent, or the API expects another window of time.")
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
			"The readings of a page are in no order. The exporter uses the one with the latest time of each page.",
		}})
	}
	ignored := v.WindowIgnored
	switch {
	case v.Order == innius.Ascending && t.in.Next != "":
		w.ascending(ctx, t, ignored)
	case ignored:
		w.find(&Finding{Kind: "window-ignored", Severity: Warning, Text: []string{
			"The API does not apply the window of time: it was to begin at " + at(t.in.From) + ", and a reading is of " + at(v.Oldest) +
				". The latest value is found. With the right names and units in endpoints.values responses are smaller.",
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
			return // the first page holds the newest value
		}
	}
	covered := v.Newest.Sub(v.Oldest)
	f := fail("order", "", fmt.Sprintf("The values come oldest first, and more pages follow: the newest value of %s is about %d "+
		"pages away, one request each, for this one sensor.", w.nameOf(t), 1+now(t.in).Sub(v.Newest)/max(1, covered)))
	if w.client.Windowed() {
		f.Kind, f.Text[0] = "window-ignored", "The API does not apply the window of time of endpoints.values. "+f.Text[0]
	}
	if settings := w.provenWindow(ctx, t); settings != nil {
		f.Text = append(f.Text, "A window of time leads to it at once. This was tried, and the API applies it:")
		w.proven(f, settings...)
	} else {
		f.Text = append(f.Text, "No usual window of time was seen to work. "+windowHint)
		f.Set = w.yaml(w.pathSetting(innius.OpValues))
	}
	if now(t.in).Sub(v.Newest.Add((pagesAtOnce-1)*covered)) < farBehind {
		f.Severity = Warning
	}
	w.find(f)
}

// now is the current time by the API's clock, as far as a response shows it.
func now(in *innius.Inspection) time.Time { return time.Now().Add(in.ClockAhead) }

func at(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
