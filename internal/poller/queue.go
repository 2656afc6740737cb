package poller

import (
	"container/heap"
	"time"
)

// queue orders things by the moment they are due; of two due at once the one that entered first goes first.
// Not safe for concurrent use: one loop owns it.
type queue[T any] struct {
	items []*entry[T]
	count uint64
}

// entry is a place in a queue.
type entry[T any] struct {
	value T
	due   time.Time
	seq   uint64
	index int // in the items of its queue; -1: in none
}

// put enters a thing, or moves it to another moment.
func (q *queue[T]) put(e *entry[T], due time.Time) {
	q.count++
	e.due, e.seq = due, q.count
	if q.holds(e) {
		heap.Fix((*entries[T])(&q.items), e.index)
		return
	}
	heap.Push((*entries[T])(&q.items), e)
}

// first returns the thing that is due first, without taking it; nil where the queue is empty.
func (q *queue[T]) first() *entry[T] {
	if len(q.items) == 0 {
		return nil
	}
	return q.items[0]
}

// due returns when the first thing is due; false where the queue is empty.
func (q *queue[T]) due() (time.Time, bool) {
	if first := q.first(); first != nil {
		return first.due, true
	}
	return time.Time{}, false
}

// take removes a thing; nothing happens where it is not in this queue, though it may be in another.
func (q *queue[T]) take(e *entry[T]) {
	if q.holds(e) {
		heap.Remove((*entries[T])(&q.items), e.index)
	}
}

func (q *queue[T]) holds(e *entry[T]) bool {
	return e.index >= 0 && e.index < len(q.items) && q.items[e.index] == e
}

func newEntry[T any](value T) *entry[T] { return &entry[T]{value: value, index: -1} }

// entries implements heap.Interface.
type entries[T any] []*entry[T]

func (e entries[T]) Len() int { return len(e) }

func (e entries[T]) Less(i, j int) bool {
	if e[i].due.Equal(e[j].due) {
		return e[i].seq < e[j].seq
	}
	return e[i].due.Before(e[j].due)
}

func (e entries[T]) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].index, e[j].index = i, j
}

func (e *entries[T]) Push(x any) {
	added := x.(*entry[T])
	added.index = len(*e)
	*e = append(*e, added)
}

func (e *entries[T]) Pop() any {
	last := len(*e) - 1
	removed := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	removed.index = -1
	return removed
}
