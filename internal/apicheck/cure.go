package apicheck

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/humanize"
)

// maxCures is how many settings, one after another, may be needed until a request succeeds.
const maxCures = 3

// read sends a request. If it fails, settings that may help are tried; those that do are reported and stay in force.
func (w *walk) read(ctx context.Context, r innius.InspectRequest, of string) (*innius.Inspection, *Finding) {
	in, failed := w.send(ctx, r, of)
	if failed == nil {
		return in, nil
	}
	cured, settings := w.cure(ctx, r, in, failed, maxCures, shows)
	if cured == nil {
		return in, failed
	}
	w.report.Findings = slices.DeleteFunc(w.report.Findings, func(f Finding) bool {
		return slices.ContainsFunc(settings, func(s Setting) bool { return s.Path == f.field })
	})
	w.find(w.cured(failed, settings))
	failed = w.diagnose(cured)
	if failed == nil {
		w.succeeded[r.Operation] = true
	}
	return cured, failed
}

// cured reports a failure and the settings that helped.
func (w *walk) cured(failed *Finding, settings []Setting) *Finding {
	f := failure(failed.Kind, failed.Text[0], "This was tried, and it works:")
	f.Kind = cmp.Or(map[string]string{
		"page_size": "page-size", "lookback": "window",
		"fields.company_id": "id-field", "fields.machine_id": "id-field", "fields.sensor_id": "id-field",
	}[settings[0].Path], f.Kind)
	own, now := w.o.Account.Lookback, w.account.Lookback
	if settings[0].Path == "lookback" && len(settings) == 1 && now < own && now >= min(time.Hour, own/8) {
		f.Severity, f.Text[1] = Warning, "The exporter finds a shorter window by itself, but this works from the first request:"
	}
	return w.prove(f, settings...)
}

// cure tries what may help after a failure; what leads to a good response stays in force. It returns nil if nothing does. A
// response that shows no reading, or is not understood, is better than a refusal.
func (w *walk) cure(ctx context.Context, r innius.InspectRequest, in *innius.Inspection, failed *Finding, depth int,
	good func(*innius.Inspection) bool,
) (*innius.Inspection, []Setting) {
	before := w.setup
	better, afterBetter := (*innius.Inspection)(nil), before
	var lastly []Setting
	for _, settings := range failed.tries {
		next, ok := before.with(settings...)
		if !ok {
			continue
		}
		w.setup = next
		again, failedAgain := w.again(ctx, r, in, settings)
		if failedAgain != nil && depth > 0 && (failedAgain.Kind != failed.Kind || again.Raw != in.Raw) {
			if cured, more := w.cure(ctx, r, again, failedAgain, depth-1, good); cured != nil {
				again, failedAgain, settings = cured, w.diagnose(cured), slices.Concat(settings, more)
			}
		}
		switch {
		case again == nil: // not sent
		case failedAgain == nil && good(again):
			return again, settings
		case better == nil && (failedAgain == nil || in.Status != http.StatusOK && again.Status == http.StatusOK ||
			in.Status == http.StatusBadRequest && again.Status == http.StatusNotFound || // no reading in the window
			settings[0].Path == "fields.time" && failedAgain.Kind != failed.Kind): // now the value is missing
			better, afterBetter, lastly = again, w.setup, settings
		}
		w.setup = before
	}
	w.setup = afterBetter
	return better, lastly
}

// again reads a response with the settings in force: the same one if they only choose fields of it, otherwise a new one. It
// returns nil if no request is left, or the same was tried before.
func (w *walk) again(ctx context.Context, r innius.InspectRequest, in *innius.Inspection, settings []Setting,
) (*innius.Inspection, *Finding) {
	if in.Status == http.StatusOK && strings.HasPrefix(settings[0].Path, "fields.") {
		again := w.client.Reread(in)
		return again, w.diagnose(again)
	}
	a := w.account
	attempt := fmt.Sprint(r, w.at, a.URL, a.PageSize, a.Lookback, a.Endpoints, a.Fields)
	if w.attempted[attempt] || w.report.Requests >= w.limit || ctx.Err() != nil {
		return nil, nil
	}
	w.attempted[attempt] = true
	return w.readPages(ctx, r, "again, to try "+settings[0].Path, w.send)
}

// shows reports whether a response holds what was requested; an empty list is enough unless it is a list of values.
func shows(in *innius.Inspection) bool {
	return in.Operation != innius.OpValues || in.Values.Usable > 0 || in.Values.Skipped[innius.SkipText] > 0
}

// diagnose returns why a request failed or its readings are of no use; nil if neither is so.
func (w *walk) diagnose(in *innius.Inspection) *Finding {
	d := diagnosis{
		setup: w.setup, used: w.o.Proxy, companyID: w.companyID(), otherIDs: w.otherIDs(in.Operation), proven: len(w.succeeded) > 0,
	}
	return d.explain(in)
}

// otherIDs returns other fields that may hold the id of the object that a request was for. There are none after such a request
// has succeeded, or after two objects for which none helped: the requests are needed for objects that may be read.
func (w *walk) otherIDs(op innius.Operation) [][]Setting {
	level := slices.Index(innius.Operations, op) - 1
	if level < 0 || w.at[level].page == nil || w.succeeded[op] || len(w.odd) >= maxStrange {
		return nil
	}
	facts := w.client.Reread(w.at[level].page).Facts // none if the fields in force are of another list
	if len(facts) == 0 {
		return nil
	}
	return fieldSettings(facts[0].Name, facts[0].Alternatives)
}

// explainNoReadings finds out why sensors have no readings. The path is right: the responses are empty lists.
func (w *walk) explainNoReadings(ctx context.Context, t *trial) *Finding {
	text := "There are no readings of " + humanize.Plural(len(w.trials), "sensor")
	f := failure("no-values", text+" without a window of time. "+windowHint).check(w.pathSetting(innius.OpValues))
	if w.client.Windowed() {
		f = failure("window", text+" in the last "+humanize.Duration(w.account.Lookback)+", the lookback of the config.",
			"Either these sensors are silent, or the API expects another window of time.")
		f.try([]Setting{{"lookback", "30d"}})
	}
	f.try(w.windows("")...)
	in, settings := w.cure(ctx, w.valuesOf(t), t.in, f, 0, shows)
	if in == nil || !shows(in) {
		return f.showing(t.in)
	}
	return w.cured(f, settings)
}

// checkOrder reports an order of readings, or a window, that would keep the exporter from the newest reading.
func (w *walk) checkOrder(ctx context.Context, t *trial) {
	v := t.in.Values
	if v.Mixed {
		w.find(warning("mixed-order", "The readings of a page are in no order. The exporter uses the latest of each page."))
	}
	if v.Order == innius.Ascending && t.in.Next != "" {
		w.checkAscending(ctx, t)
	} else if v.WindowIgnored {
		w.find(warning("window-ignored", "The API does not apply the window of time of endpoints.values. The latest value is found, "+
			"but with the right names and units the responses are smaller."))
	}
}

// checkAscending examines a page that begins with the oldest reading while more pages follow: the next page may be older, or a
// window may lead to the newest reading.
func (w *walk) checkAscending(ctx context.Context, t *trial) {
	if w.client.Windowed() && !t.in.Values.WindowIgnored {
		own := []Setting{endpoint(innius.OpValues, w.template(innius.OpValues))}
		if w.findWindow(ctx, t, own) != nil || w.report.Requests >= w.limit {
			return
		}
	}
	if w.report.Requests < w.limit {
		r := w.valuesOf(t)
		r.StartKey = t.in.Next
		next, failed := w.send(ctx, r, "next page")
		if failed == nil && next.Items > 0 && next.Values.Newest.Before(t.in.Values.Oldest) {
			return // the first page holds the newest value
		}
	}
	pages, reachable := t.in.PagesToNewest()
	f := failure("order", fmt.Sprintf("The values come oldest first, and more pages follow: the newest value of %s is about %d "+
		"pages away, one request each, for this one sensor.", w.name(t), pages))
	if w.client.Windowed() {
		f.Kind, f.Text[0] = "window-ignored", "The API does not apply the window of time of endpoints.values. "+f.Text[0]
	}
	if settings := w.findWindow(ctx, t, w.windows("")...); settings != nil {
		f.add("A window of time leads to it at once. This was tried, and the API applies it:")
		w.prove(f, settings...)
	} else {
		f.add("No usual window of time was seen to work. " + windowHint)
		f.check(w.pathSetting(innius.OpValues))
	}
	if reachable {
		f.Severity = Warning
	}
	w.find(f)
}

// findWindow tries windows of time on a sensor whose page without one is known. The first that the API applies stays in force.
func (w *walk) findWindow(ctx context.Context, t *trial, windows ...[]Setting) []Setting {
	newest, second := t.in.Values.Newest, time.Time{}
	for _, r := range t.in.Values.Readings {
		if r.Time.After(second) && r.Time.Before(newest) {
			second = r.Time
		}
	}
	starts := []time.Time{newest}
	if apiTime(t.in).Add(-w.account.Lookback).After(second) {
		starts = []time.Time{{}, newest} // first what the exporter would send
	}
	before, r := w.setup, w.valuesOf(t)
	good := func(in *innius.Inspection) bool { // no reading before the start, although a page without a window would have one
		from := in.From.Truncate(time.Second) // as the coarsest unit has it
		return in.Err == nil && in.Items > 0 && shows(in) && from.After(second) && !in.Values.Oldest.Before(from)
	}
	for _, r.From = range starts {
		in, settings := w.cure(ctx, r, t.in, failure("order").try(windows...), 2, good)
		if in != nil && good(in) && !second.IsZero() {
			return settings
		}
		w.setup = before
	}
	return nil
}

// apiTime is the current time by the clock of the API.
func apiTime(in *innius.Inspection) time.Time { return time.Now().Add(in.ClockAhead) }
