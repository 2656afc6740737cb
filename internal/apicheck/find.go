package apicheck

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"innius_exporter/innius"
)

// The kinds that the walk itself acts on; the others stand where they are found.
const (
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

// shown is a finding that shows the answer that was not understood.
func (f *Finding) shown(in *innius.Inspection) *Finding {
	f.Raw = in.Raw
	return f
}

// failure says what the failure of a request means; nil where it did not fail, and shows readings where there are any.
func (w *walk) failure(in *innius.Inspection) *Finding {
	if in.Err == nil {
		return w.unreadable(in)
	}
	if e, ok := errors.AsType[*innius.KeyError](in.Err); ok {
		return fail("key-source", w.yaml(w.keyLine()+"  # it must be readable, and hold the key"),
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
	if e, ok := errors.AsType[*innius.AnswerError](in.Err); ok {
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
	w.find(fail("paging", w.yaml("endpoints:", "  "+string(in.Operation)+": "+
		quote(withQuery(w.template(in.Operation), "start_key={start_key}"))+"  # name the parameter as innius does"),
		"The second page of the list of "+string(in.Operation)+" leads to itself: its next_key was a key before. It seems that "+
			"the API does not know start_key, the parameter for the next page. The exporter would take the list for one without "+
			"an end, and refuse it."))
}

// watchClock tells once of clocks that differ so much that windows of time would miss.
func (w *walk) watchClock(in *innius.Inspection) {
	if in.Date.IsZero() || in.ClockAhead.Abs() <= 5*time.Minute {
		return
	}
	w.find(&Finding{Kind: "clock", Severity: Warning, Text: []string{
		"The clock of innius and the clock of this machine differ by " + span(in.ClockAhead.Abs()) + ". One of them is wrong, most " +
			"likely this machine's. The exporter judges readings and requests windows of time by innius' clock, but Prometheus " +
			"counts ages by its own. There is no setting for it: let NTP set the clock.",
	}})
}

// span writes a duration for people: its two largest units.
func span(d time.Duration) string {
	units := []struct {
		name string
		size time.Duration
	}{{"day", 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}}
	for i, u := range units {
		n := d / u.size
		if n == 0 {
			continue
		}
		text := amount(int(n), u.name)
		if i+1 < len(units) {
			if rest := d % u.size / units[i+1].size; rest > 0 {
				text += " " + amount(int(rest), units[i+1].name)
			}
		}
		return text
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

func amount(n int, unit string) string {
	if unit == "day" && n != 1 {
		unit = "days"
	}
	return fmt.Sprintf("%d %s", n, unit)
}

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
