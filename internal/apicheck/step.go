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
		Unknown: in.Unknown,
	}
	if in.Err != nil {
		s.Error = in.Err.Error()
	}
	if !in.Date.IsZero() {
		s.ClockAhead = new(int64(in.ClockAhead.Seconds()))
	}
	if in.Items > 0 {
		s.Facts = in.Facts
	}
	if in.Operation == innius.OpValues && in.List != "" && in.Err == nil {
		s.Values = &Values{Values: in.Values}
		if !in.Values.Newest.IsZero() {
			s.Values.Age = int64(time.Since(in.Values.Newest).Seconds())
		}
	}
	return s
}
