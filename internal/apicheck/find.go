package apicheck

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"innius_exporter/innius"
)

// The kinds that the walk itself acts on; the others stand where they are found.
const (
	kindCompanies = "companies"
	kindForbidden = "forbidden" // this object only
	kindPath      = "path"
	kindParameter = "parameter"
	kindValue     = "value"
	kindEcho      = "key-returned"
)

// fail makes a finding that must be set right.
func fail(kind, set string, text ...string) *Finding {
	return &Finding{Kind: kind, Severity: Failure, Text: text, Set: set}
}

// shown is a finding that shows the response that was not understood.
func (f *Finding) shown(in *innius.Inspection) *Finding {
	f.Raw = in.Raw
	return f
}

// failure explains why a request failed; nil where it did not, and shows readings where there are any.
func (w *walk) failure(in *innius.Inspection) *Finding {
	if in.Err == nil {
		return w.unreadable(in)
	}
	if e, ok := errors.AsType[*innius.KeyError](in.Err); ok {
		return fail("key-source", w.yaml(w.keySetting()),
			"The key cannot be read: "+w.show(e.Err.Error())+". Nothing was sent.")
	}
	if e, ok := errors.AsType[*innius.NetworkError](in.Err); ok {
		return w.network(e)
	}
	if e, ok := errors.AsType[*innius.RateLimitError](in.Err); ok {
		return w.tooMany(e)
	}
	if e, ok := errors.AsType[*innius.RedirectError](in.Err); ok {
		return w.redirected(in, e)
	}
	if e, ok := errors.AsType[*innius.Error](in.Err); ok {
		return w.refused(in, e)
	}
	if e, ok := errors.AsType[*innius.ResponseError](in.Err); ok {
		return w.notUnderstood(in, e)
	}
	if errors.Is(in.Err, context.Canceled) {
		return stopped()
	}
	return fail("other", "", w.show(in.Err.Error()))
}

func stopped() *Finding { return fail("stopped", "", "The check was stopped before it had ended.") }

// mayEnd finds a list whose pages do not end.
func (w *walk) mayEnd(in *innius.Inspection) {
	if in.Next == "" {
		return
	}
	w.find(fail("paging", w.yaml(endpoint(in.Operation, withQuery(w.template(in.Operation), "start_key={start_key}"))),
		"The second page of the list of "+string(in.Operation)+" leads to itself: its next_key was a key before. The API seems not to "+
			"know start_key, the parameter for the next page. The exporter would take the list for endless, and refuse it."))
}

// watchClock reports clocks that differ so much that windows of time would miss.
func (w *walk) watchClock(in *innius.Inspection) {
	if in.Date.IsZero() || in.ClockAhead.Abs() <= time.Minute {
		return
	}
	where := " ahead of"
	if in.ClockAhead < 0 {
		where = " behind"
	}
	w.find(&Finding{Kind: "clock", Severity: Warning, Text: []string{
		"The clock of innius is " + span(in.ClockAhead.Abs()) + where + " this machine's clock. One of them is wrong, most likely " +
			"this machine's: the exporter goes by innius' clock, but Prometheus by its own. Let NTP set the clock.",
	}})
}

// span writes a duration for people.
func span(d time.Duration) string { return model.Duration(d.Round(time.Second)).String() }

// plural writes a number with a noun.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func names(all []innius.Field) string {
	var list []string
	for _, f := range all {
		list = append(list, f.Name)
	}
	return strings.Join(list, ", ")
}
