package apicheck

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"innius_exporter/innius"
)

const windowHint = "The API may require a window of time, or other names or units for it: add it to endpoints.values by its " +
	"names in the API reference, with {from_ms}, {from_s} or {from_rfc3339}, and the same with to."

// pairs are names that APIs give to the two ends of a window, the longer ones first.
var pairs = slices.Collect(slices.Chunk(strings.Fields(`start_time end_time startTime endTime start_date end_date startDate
	endDate from_time to_time fromTime toTime time_from time_to from to start end since until`), 2))

var (
	bothWanted = regexp.MustCompile(`([A-Za-z_]+)(?:,| and) ([A-Za-z_]+) (?:are|is|must be) (?:required|missing|mandatory|given|set)`)
	missing    = regexp.MustCompile(`(?i)missing|required|mandatory|invalid|must`)
	ownNames   = regexp.MustCompile(`([A-Za-z_]+)=\{from_[a-z0-9]+\}&([A-Za-z_]+)=\{to_`)
)

// namesOf are the names of a window that a message states, both or the first alone; nil where it states none.
func namesOf(message string) (names []string, both bool) {
	words := word.FindAllString(message, -1)
	if m := bothWanted.FindStringSubmatch(message); m != nil {
		return m[1:], true
	}
	for _, p := range pairs {
		if slices.Contains(words, p[0]) && slices.Contains(words, p[1]) {
			return p, true
		}
		if names == nil && slices.Contains(words, p[0]) && missing.MatchString(message) {
			names = p
		}
	}
	return names, false
}

// queries are those to try: the names and units that a message suggests first, then the usual ones. Where a
// message does not state both names, those of the template are first.
func queries(message, template string) (all []string) {
	units := []string{"ms", "s", "rfc3339"}
	lower := strings.ToLower(message)
	switch {
	case strings.Contains(lower, "iso") || strings.Contains(lower, "rfc"):
		units = []string{"rfc3339", "ms", "s"}
	case strings.Contains(lower, "second") && !strings.Contains(lower, "milli"):
		units = []string{"s", "ms", "rfc3339"}
	}
	names := [][]string{{"from", "to"}, {"start", "end"}}
	named, both := namesOf(message)
	if own := ownNames.FindStringSubmatch(template); own != nil && !both {
		names = append([][]string{own[1:]}, names...)
	} else if named != nil {
		names = [][]string{named}
	}
	for _, p := range names {
		for _, unit := range units {
			all = append(all, p[0]+"={from_"+unit+"}&"+p[1]+"={to_"+unit+"}")
		}
	}
	return all
}

// windows are templates of the values with another window than now, as a message suggests it.
func (w *walk) windows(op innius.Operation, message string) (tries [][]Setting) {
	path, own, _ := strings.Cut(w.template(innius.OpValues), "?")
	kept := slices.DeleteFunc(strings.Split(own, "&"), func(part string) bool {
		return part == "" || strings.Contains(part, "{from_") || strings.Contains(part, "{to_")
	})
	known := []string{w.template(op)}
	for _, query := range queries(message, own) {
		template := withQuery(path, strings.Join(append(slices.Clip(kept), query), "&"))
		if op == innius.OpValues && !slices.Contains(known, template) {
			known, tries = append(known, template), append(tries, []Setting{endpoint(op, template)})
		}
	}
	return tries
}

// applied reports whether the API applied the window of a request: it brought readings, none older than its from, although a
// page without window would have begun with older ones, as its newest reading but one is.
func applied(in *innius.Inspection, butOne time.Time) bool {
	from := in.From.Truncate(time.Second) // as the coarsest unit has it
	return in.Err == nil && in.Items > 0 && shows(in) && from.After(butOne) && !in.Values.Oldest.Before(from)
}

// newestButOne is the second newest time of a page, and the newest; false where it has no two times.
func newestButOne(v innius.Values) (second, first time.Time, ok bool) {
	for _, r := range v.Readings {
		switch {
		case r.Time.After(first):
			second, first = first, r.Time
		case r.Time.After(second):
			second = r.Time
		}
	}
	return second, first, !second.IsZero()
}

// proves tries a window of the values, by settings or as the config has it, on a sensor whose page without one is known, and
// continues with it where the API applies it. It returns the settings that are needed.
func (w *walk) proves(ctx context.Context, t *trial, settings ...Setting) ([]Setting, bool) {
	account, client := w.account, w.client
	butOne, newest, ok := newestButOne(t.in.Values)
	if !ok || !w.use(settings) {
		return nil, false
	}
	ask, froms := w.valuesOf(t.machine, t.sensor), []time.Time{newest}
	if now(t.in).Add(-w.account.Lookback).After(butOne) {
		froms = []time.Time{{}, newest} // first what the exporter would send
	}
	for _, from := range froms {
		if ask.From = from; w.report.Requests >= w.limit || ctx.Err() != nil {
			break
		}
		in, failure := w.readPages(ctx, ask, "again, with a window of time", w.send)
		if failure != nil {
			if cured, more := w.cure(ctx, ask, in, failure, 1); cured != nil {
				in, settings = cured, append(settings, more...)
			}
		}
		if applied(in, butOne) {
			return settings, true
		}
		if in.Err != nil || in.Items > 0 && in.From.After(butOne) {
			break
		}
	}
	w.account, w.client = account, client
	return nil, false
}

// provenWindow tries the usual windows on a sensor.
func (w *walk) provenWindow(ctx context.Context, t *trial) []Setting {
	for _, window := range w.windows(innius.OpValues, "") {
		if settings, ok := w.proves(ctx, t, window...); ok {
			return settings
		}
	}
	return nil
}
