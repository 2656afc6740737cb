package schedule

import (
	"container/heap"
	"time"
)

// Queue orders items by the moment they are due. Of two that are due at the same time, the one that entered first comes
// first. Not safe for concurrent use.
type Queue[T any] struct {
	items []*Item[T]
	count uint64
}

// Item is an element of a Queue. The zero Item is in no queue.
type Item[T any] struct {
	Value T
	due   time.Time
	seq   uint64
	place int // in the items of its queue, from 1
}

// Due returns when the item is due, or was when it left its queue.
func (i *Item[T]) Due() time.Time { return i.due }

// Queued reports whether the item is in a queue.
func (i *Item[T]) Queued() bool { return i.place > 0 }

// Put adds an item, or moves it to another moment. The item must not be in another queue.
func (q *Queue[T]) Put(i *Item[T], due time.Time) {
	q.count++
	i.due, i.seq = due, q.count
	if q.Holds(i) {
		heap.Fix((*items[T])(&q.items), i.place-1)
		return
	}
	heap.Push((*items[T])(&q.items), i)
}

// First returns the item that is due first, without removing it; nil if the queue is empty.
func (q *Queue[T]) First() *Item[T] {
	if len(q.items) == 0 {
		return nil
	}
	return q.items[0]
}

// Due returns when the first item is due; false if the queue is empty.
func (q *Queue[T]) Due() (time.Time, bool) {
	if first := q.First(); first != nil {
		return first.due, true
	}
	return time.Time{}, false
}

// Remove removes an item. It does nothing if the item is not in this queue.
func (q *Queue[T]) Remove(i *Item[T]) {
	if q.Holds(i) {
		heap.Remove((*items[T])(&q.items), i.place-1)
	}
}

// Holds reports whether the item is in this queue.
func (q *Queue[T]) Holds(i *Item[T]) bool {
	return i.place > 0 && i.place <= len(q.items) && q.items[i.place-1] == i
}

// Len returns how many items there are.
func (q *Queue[T]) Len() int { return len(q.items) }

// items implements heap.Interface.
type items[T any] []*Item[T]

func (all items[T]) Len() int { return len(all) }

func (all items[T]) Less(i, j int) bool {
	if all[i].due.Equal(all[j].due) {
		return all[i].seq < all[j].seq
	}
	return all[i].due.Before(all[j].due)
}

func (all items[T]) Swap(i, j int) {
	all[i], all[j] = all[j], all[i]
	all[i].place, all[j].place = i+1, j+1
}

func (all *items[T]) Push(x any) {
	added := x.(*Item[T])
	*all = append(*all, added)
	added.place = len(*all)
}

func (all *items[T]) Pop() any {
	last := len(*all) - 1
	removed := (*all)[last]
	(*all)[last] = nil
	*all = (*all)[:last]
	removed.place = 0
	return removed
}
