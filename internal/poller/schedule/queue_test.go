package schedule

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestQueueReturnsEarliestItemFirst(t *testing.T) {
	var q Queue[int]
	r := rand.New(rand.NewPCG(1, 1))
	var want []*Item[int]
	for i := range 500 {
		one := &Item[int]{Value: i}
		q.Put(one, at(r.IntN(20)))
		want = append(want, one)
	}
	for range 200 { // moved
		q.Put(want[r.IntN(len(want))], at(r.IntN(20)))
	}
	for range 100 {
		i := r.IntN(len(want))
		q.Remove(want[i])
		q.Remove(want[i]) // the second time without effect
		want = slices.Delete(want, i, i+1)
	}
	slices.SortFunc(want, func(a, b *Item[int]) int {
		if c := a.due.Compare(b.due); c != 0 {
			return c
		}
		return int(a.seq) - int(b.seq)
	})
	for i, one := range want {
		if first := q.First(); first != one {
			t.Fatalf("place %d: %d, want %d", i, first.Value, one.Value)
		}
		q.Remove(one)
	}
	if q.First() != nil || q.Len() != 0 {
		t.Error("the queue is not empty")
	}
}

func TestQueueRemovesOnlyOwnItems(t *testing.T) {
	var a, b, none Queue[string]
	var inA, inB Item[string]
	a.Put(&inA, at(1))
	b.Put(&inB, at(1))
	b.Remove(&inA)
	none.Remove(&inA)
	if a.First() != &inA || b.First() != &inB {
		t.Errorf("first are %v and %v", a.First(), b.First())
	}
}
