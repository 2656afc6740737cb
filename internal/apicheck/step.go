package apicheck

import (
	"time"

	"innius_exporter/innius"
)

// stepOf translates an inspection.
func stepOf(in *innius.Inspection, number int, of string) Step {
	s := Step{
		Number: number, Operation: string(in.Operation), Of: of, Asked: in.Asked, Status: in.Status,
		Milliseconds: in.Duration.Milliseconds(), ListAt: in.List, Items: in.Items, NextKey: in.NextForm, More: in.Next != "",
		Unknown: fields(in.Unknown),
	}
	if in.Err != nil {
		s.Error = in.Err.Error()
	}
	if !in.Date.IsZero() {
		s.ClockAhead = new(int64(in.ClockAhead.Seconds()))
	}
	for _, f := range in.Facts {
		if in.Items > 0 {
			s.Facts = append(s.Facts, Fact{f.Name, f.Field, f.Example, f.Missing, fields(f.Rivals)})
		}
	}
	if in.Operation == innius.OpValues && in.List != "" && in.Err == nil {
		s.Values = valuesOf(in.Values)
	}
	return s
}

func fields(all []innius.Field) []Field {
	var shown []Field
	for _, f := range all {
		shown = append(shown, Field{f.Name, f.Example})
	}
	return shown
}

func valuesOf(v innius.Values) *Values {
	shown := &Values{
		Usable: v.Usable, Order: string(v.Order), Mixed: v.Mixed, Oldest: v.Oldest, Newest: v.Newest,
		TimeForm: v.TimeForm, Skipped: map[string]int{},
	}
	if !v.Newest.IsZero() {
		shown.Age = int64(time.Since(v.Newest).Seconds())
	}
	for reason, n := range v.Skipped {
		shown.Skipped[string(reason)] = n
	}
	return shown
}
