package reading

import (
	"slices"
	"testing"
	"time"

	"innius_exporter/innius"
)

func span(from, to int) innius.Span { return innius.Span{From: at(from), To: at(to)} }

func readingsAt(seconds ...int) (all []innius.Reading) {
	for _, s := range seconds {
		all = append(all, reading(s, float64(s)))
	}
	return all
}

func TestStoreCountsEachReadingOnceAndItsGaps(t *testing.T) {
	unusable := []innius.Reading{
		{Skip: innius.SkipTime},
		{Time: at(10)},
		{Time: at(20), Skip: innius.SkipText},
		{Time: at(30)},
		{Time: at(30)},
		{Time: at(40), Skip: innius.SkipNumber},
		{Time: at(900), Skip: innius.SkipFuture},
	}
	type step struct {
		poll           innius.Newest
		broken         bool // an error ended the poll
		readings, late int
		times          []int // of the result, in seconds
		whole          bool
		missed         int // spans
		overflow       bool
	}
	for name, steps := range map[string][]step{
		"pages overlap": {
			{poll: innius.Newest{Readings: readingsAt(1, 2, 3)}, readings: 3, times: []int{1, 2, 3}},
			{poll: innius.Newest{Readings: readingsAt(2, 3, 4)}, readings: 1, times: []int{4}, whole: true},
			{poll: innius.Newest{Readings: readingsAt(2, 3, 4)}, whole: true},
		},
		"unusable": {{poll: innius.Newest{Readings: unusable}, readings: 4, times: []int{10, 20, 30, 40}}},
		"a page overflows": {
			{poll: innius.Newest{Readings: readingsAt(1)}, readings: 1, times: []int{1}},
			{
				poll: innius.Newest{Readings: readingsAt(8, 9), Missed: []innius.Span{span(1, 8)}}, readings: 2, times: []int{8, 9},
				missed: 1, overflow: true,
			},
			{poll: innius.Newest{}, broken: true, whole: true, overflow: true},
			{poll: innius.Newest{}, whole: true},
		},
		"a hole among the new ones": {
			{poll: innius.Newest{Readings: readingsAt(1)}, readings: 1, times: []int{1}},
			{
				poll: innius.Newest{Readings: readingsAt(2, 3, 8, 9), Missed: []innius.Span{span(3, 8)}}, readings: 4, times: []int{8, 9},
				missed: 1, overflow: true,
			},
		},
		"the hole of a first poll is history": {
			{poll: innius.Newest{Readings: readingsAt(1, 2, 8, 9), Missed: []innius.Span{span(2, 8)}}, readings: 2, times: []int{8, 9}},
		},
		"late": {
			{poll: innius.Newest{Readings: readingsAt(1, 2, 5)}, readings: 3, times: []int{1, 2, 5}},
			{poll: innius.Newest{Readings: readingsAt(1, 2, 4, 5, 6)}, readings: 2, late: 1, times: []int{6}, whole: true},
			{poll: innius.Newest{Readings: readingsAt(1, 2, 4, 5, 6)}, whole: true},
			{poll: innius.Newest{Readings: readingsAt(0, 4, 5, 6)}, whole: true}, // older than all that are remembered: not known
		},
		"of a gap, later": {
			{poll: innius.Newest{Readings: readingsAt(1, 2)}, readings: 2, times: []int{1, 2}},
			{
				poll: innius.Newest{Readings: readingsAt(8), Missed: []innius.Span{span(2, 8)}}, readings: 1, times: []int{8},
				missed: 1, overflow: true,
			},
			{poll: innius.Newest{Readings: readingsAt(4, 8, 9)}, readings: 1, times: []int{9}, whole: true},
		},
	} {
		e := New()
		for i, s := range steps {
			got := e.Store(s.poll, Rule{}, !s.broken, at(1000))
			var times []int
			for _, one := range got.Times {
				times = append(times, int(one.Sub(start)/time.Second))
			}
			if got.Readings != s.readings || got.Late != s.late || !slices.Equal(times, s.times) || got.Whole != s.whole ||
				len(got.Missed) != s.missed || e.Load().Overflow != s.overflow {
				t.Errorf("%s, poll %d: %d readings, %d late, times %v, whole %t, missed %v, overflow %t, want %+v",
					name, i+1, got.Readings, got.Late, times, got.Whole, got.Missed, e.Load().Overflow, s)
			}
		}
	}
}

func TestSpansKeepTheLatest(t *testing.T) {
	var s Spans
	var all []innius.Span
	for i := range 2 * MaxSpans {
		more := []innius.Span{span(10*i*i, 10*i*i+5)}
		s, all = s.add(more), append(all, more...)
	}
	s = s.add(nil)
	if want := all[MaxSpans:]; !slices.Equal(s.All(), want) {
		t.Errorf("%v, want %v", s.All(), want)
	}
}

func FuzzSpansOfAnyState(f *testing.F) {
	f.Add(string(Spans("").add([]innius.Span{span(1, 2), span(5, 9)})))
	f.Fuzz(func(t *testing.T, text string) {
		if n := len(Spans(text).All()); n > MaxSpans {
			t.Errorf("%d spans", n)
		}
		Spans(text).add([]innius.Span{span(1, 2)})
	})
}
