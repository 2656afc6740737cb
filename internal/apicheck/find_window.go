package apicheck

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"innius_exporter/innius"
)

// usualWindow is how a window of time is asked for most often.
const usualWindow = "from={from_ms}&to={to_ms}"

// pairs are names that APIs give to the two ends of a window, the longer ones first.
var pairs = [][2]string{
	{"start_time", "end_time"},
	{"startTime", "endTime"},
	{"start_date", "end_date"},
	{"startDate", "endDate"},
	{"from_time", "to_time"},
	{"fromTime", "toTime"},
	{"time_from", "time_to"},
	{"from", "to"},
	{"start", "end"},
	{"since", "until"},
}

// windows are the queries to try: that which the text of a refusal suggests, or the usual ones.
func windows(message string) []string {
	unit := "ms"
	switch lower := strings.ToLower(message); {
	case strings.Contains(lower, "iso") || strings.Contains(lower, "rfc"):
		unit = "rfc3339"
	case strings.Contains(lower, "second") && !strings.Contains(lower, "milli"):
		unit = "s"
	}
	for _, p := range pairs {
		if says(message, p[0]) && says(message, p[1]) {
			return []string{query(p, unit)}
		}
	}
	return []string{query([2]string{"from", "to"}, unit), query([2]string{"start", "end"}, unit)}
}

func says(message, word string) bool {
	return regexp.MustCompile(`(^|[^A-Za-z_])` + word + `($|[^A-Za-z_])`).MatchString(message)
}

func query(names [2]string, unit string) string {
	return names[0] + "={from_" + unit + "}&" + names[1] + "={to_" + unit + "}"
}

// windowLines are the settings that ask for values by a window, and what else could stand there. An empty query leaves the
// template as it is.
func (w *walk) windowLines(query string) []string {
	return []string{
		"endpoints:",
		w.endpoint(innius.OpValues, withQuery(w.template(innius.OpValues), query)),
		"  # names and units as the API reference gives them: {from_ms}, {from_s} and {from_rfc3339},",
		"  # the same with to",
	}
}

// heeded tries the usual windows on a sensor and returns the query that innius heeds; empty where none is. What it tells
// is proof, and no guess.
func (w *walk) heeded(ctx context.Context, t *trial) string {
	for _, query := range windows("") {
		in := w.through(ctx, w.valuesOf(t.machine, t.sensor), query)
		if in != nil && in.Values.Usable > 0 && !in.Values.Oldest.Before(in.From.Add(-time.Minute)) {
			return query
		}
	}
	return ""
}

// through asks for values through a window, if the walk has a request left; nil where they did not come.
func (w *walk) through(ctx context.Context, ask innius.Ask, query string) *innius.Inspection {
	if w.report.Requests >= w.limit || ctx.Err() != nil {
		return nil
	}
	ask.Template = withQuery(w.template(innius.OpValues), query)
	in, failed := w.ask(ctx, ask, "again, with a window of time")
	if failed != nil {
		return nil
	}
	return in
}

// wantsWindow looks whether a 400 on values was about a missing window; nil where it was not, or cannot be told.
func (w *walk) wantsWindow(ctx context.Context, ask innius.Ask, in *innius.Inspection, failure *Finding) *Finding {
	e, refused := errors.AsType[*innius.Error](in.Err)
	if failure.Kind != kindParameter || ask.Operation != innius.OpValues || !refused || w.o.Client.Windowed() {
		return nil
	}
	query := windows(e.Message)[0]
	if w.through(ctx, ask, query) == nil {
		return nil
	}
	return fail(kindParameter, w.account(w.windowLines(query)...), failure.Text[0], "With a window of time innius answers:")
}
