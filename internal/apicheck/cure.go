package apicheck

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"innius_exporter/innius"
)

// depth is how many settings one after the other may be needed until a request succeeds.
const depth = 3

// read sends a request. Where it fails, settings that may cure that are tried; those that do are reported, and the walk
// continues with them.
func (w *walk) read(ctx context.Context, ask innius.InspectRequest, of string) (*innius.Inspection, *Finding) {
	in, failure := w.send(ctx, ask, of)
	if failure == nil {
		return in, nil
	}
	size := w.account.PageSize
	cured, settings := w.cure(ctx, ask, in, failure, depth)
	if cured == nil {
		return in, failure
	}
	cured, settings = w.withoutSize(ctx, ask, size, cured, settings)
	w.report.Findings = slices.DeleteFunc(w.report.Findings, func(f Finding) bool {
		return slices.ContainsFunc(settings, func(s Setting) bool { return s.Path == f.about })
	})
	w.find(w.cured(failure, settings))
	failure = w.failure(cured)
	if failure == nil {
		w.succeeded[ask.Operation] = true
	}
	return cured, failure
}

// withoutSize tries what cured a failure with pages of the size before: a smaller one may not have been needed. Where no request
// is left for that, the page is small in this walk only.
func (w *walk) withoutSize(ctx context.Context, ask innius.InspectRequest, size int, cured *innius.Inspection, settings []Setting,
) (*innius.Inspection, []Setting) {
	others := slices.DeleteFunc(slices.Clone(settings), func(s Setting) bool { return s.Path == "page_size" })
	account, client, spent := w.account, w.client, w.report.Requests >= w.limit
	if len(others) == len(settings) || len(others) == 0 || !w.use([]Setting{{"page_size", size}}) {
		return cured, settings
	}
	if again, failed := w.again(ctx, ask, cured, others); again != nil && failed == nil {
		return again, others
	}
	if w.account, w.client = account, client; spent {
		return cured, others
	}
	return cured, settings
}

// cured is the finding of a failure that these settings cure.
func (w *walk) cured(failure *Finding, settings []Setting) *Finding {
	f := &Finding{Kind: failure.Kind, Severity: Failure, Text: []string{failure.Text[0], "This was tried, and it works:"}}
	switch settings[0].Path {
	case "page_size":
		f.Kind = "page-size"
	case "fields.company_id", "fields.machine_id", "fields.sensor_id":
		f.Kind = "id-field"
	case "lookback":
		f.Kind = "window"
		if own, now := w.o.Account.Lookback, w.account.Lookback; len(settings) == 1 && now < own && now >= min(time.Hour, own/8) {
			f.Severity, f.Text[1] = Warning, "The exporter finds a shorter window by itself, after some refused requests. This was tried, "+
				"and it works at once:"
		}
	}
	return w.proven(f, settings...)
}

// cure tries what may cure a failure, and keeps in force what does. It returns nil where nothing does. A response that shows
// no reading, or is not understood, is better than a refusal.
func (w *walk) cure(ctx context.Context, ask innius.InspectRequest, in *innius.Inspection, failure *Finding, depth int,
) (*innius.Inspection, []Setting) {
	account, client := w.account, w.client
	var better *innius.Inspection
	var lastly []Setting
	for _, settings := range failure.tries {
		if !w.use(settings) {
			continue
		}
		again, failed := w.again(ctx, ask, in, settings)
		if again != nil && failed != nil && depth > 0 && (failed.Kind != failure.Kind || message(again) != message(in)) {
			if cured, more := w.cure(ctx, ask, again, failed, depth-1); cured != nil {
				again, failed, settings = cured, w.failure(cured), append(settings, more...)
			}
		}
		switch {
		case again == nil: // not sent
		case failed == nil && shows(again):
			return again, settings
		case better == nil && (in.Status != http.StatusOK && again.Status == http.StatusOK || failed == nil && again.Items == 0 ||
			in.Status == http.StatusBadRequest && again.Status == http.StatusNotFound || // no reading in the window
			settings[0].Path == "fields.time" && failed != nil && failed.Kind != failure.Kind): // now the value is missing
			better, lastly = again, settings
		}
		w.account, w.client = account, client
	}
	if better != nil && !w.use(lastly) {
		return nil, nil
	}
	return better, lastly
}

// again reads a response once more with the settings in force: the one that came, where they only choose fields of it, else
// a new one. It returns nil where no request is left for that, or the same was tried before.
func (w *walk) again(ctx context.Context, ask innius.InspectRequest, in *innius.Inspection, settings []Setting,
) (*innius.Inspection, *Finding) {
	if in.Status == http.StatusOK && strings.HasPrefix(settings[0].Path, "fields.") {
		again := w.client.Reread(in)
		return again, w.failure(again)
	}
	a := w.account
	state := fmt.Sprint(ask, w.at, a.URL, a.PageSize, a.Lookback, a.Endpoints, a.Fields)
	if w.attempted[state] || w.report.Requests >= w.limit || ctx.Err() != nil {
		return nil, nil
	}
	w.attempted[state] = true
	return w.readPages(ctx, ask, "again, to try "+settings[0].Path, w.send)
}

// shows reports whether a response holds what the operation is for; an empty list is enough where it is no list of values.
func shows(in *innius.Inspection) bool {
	return in.Operation != innius.OpValues || in.Values.Usable > 0 || in.Values.Skipped[innius.SkipText] > 0
}

func message(in *innius.Inspection) string {
	if e, ok := errors.AsType[*innius.Error](in.Err); ok {
		return e.Message
	}
	return ""
}

// otherIDs are other fields that may hold the id of the object that a request was for. None is tried where such a request has
// succeeded, or after two objects for which none helped: the requests are for objects that may be read.
func (w *walk) otherIDs(op innius.Operation) [][]Setting {
	level := slices.Index(innius.Operations, op) - 1
	if level < 0 || w.at[level].page == nil || w.succeeded[op] || len(w.odd) >= maxStrange {
		return nil
	}
	facts := append(w.client.Reread(w.at[level].page).Facts, innius.Fact{}) // none where the fields in force are of another list
	return choose(nil, facts[0].Name, facts[0].Alternatives)
}

// choose are settings that take a fact from another field, the likeliest first. Of several times or values any would be a guess,
// so the failure names them instead; which of several ids is right, later requests show.
func choose(f *Finding, fact string, fields []innius.Field) (tries [][]Setting) {
	var list []string
	for _, field := range fields {
		tries = append(tries, []Setting{{Path: "fields." + fact, Value: field.Name}})
		list = append(list, field.Name+" (such as "+field.Example+")")
	}
	if len(list) < 2 || strings.HasSuffix(fact, "_id") {
		return tries
	}
	f.Set, f.Text = "", append(f.Text, "The "+what(fact)+" may be in: "+strings.Join(list, ", ")+". Set fields."+fact+" to the right one.")
	return nil
}
