package queue

import (
	"container/list"
	"fmt"

	"github.com/hapair-io/hapair/internal/state"
)

// Limits bound a queue twice.
type Limits struct {
	// Entries is how many changes are held at most.
	Entries int
	// Bytes is how many bytes their keys and records have at most.
	Bytes int
}

// Merge makes one record of two of the same entry.
type Merge func(older, newer []byte) ([]byte, error)

// Queue is the changes that wait, in the order in which their entries first changed.
type Queue struct {
	limits Limits
	merge  Merge

	order *list.List // of *item, the oldest first
	index map[string]*list.Element
	bytes int
	// last is the number of the newest arrival.
	last uint64
}

// item is one change with the number of its entry's first arrival.
type item struct {
	change  state.Change
	arrival uint64
}

// Mark is a point in the order of arrival.
type Mark uint64

// New makes an empty queue.
func New(limits Limits, merge Merge) *Queue {
	return &Queue{limits: limits, merge: merge, order: list.New(), index: map[string]*list.Element{}}
}

// Len is the number of changes that wait.
func (q *Queue) Len() int { return q.order.Len() }

// Bytes is the size of their keys and records.
func (q *Queue) Bytes() int { return q.bytes }

// Push adds a change. Of two changes of one entry one is left: a deletion makes what was before it needless, and a
// record is merged into the one before it, both at the place of the first. A record after a deletion is of a new
// entry, and moves to the end: at its old place it could come before the end of another entry that had its addresses
// meanwhile.
//
// It reports whether the queue is within its limits. Beyond them the caller clears it and repairs by a snapshot, since
// a change that is dropped alone would be lost for good.
func (q *Queue) Push(change state.Change) (within bool, err error) {
	element, waits := q.index[change.Key]
	if waits && element.Value.(*item).change.Op == state.Delete && change.Op == state.Upsert {
		q.remove(element)
		waits = false
	}
	if !waits {
		q.last++
		q.index[change.Key] = q.order.PushBack(&item{change: change, arrival: q.last})
		q.bytes += size(change)
		return q.within(), nil
	}
	waiting := element.Value.(*item)
	if waiting.change.Op == state.Upsert && change.Op == state.Upsert {
		record, err := q.merge(waiting.change.Record, change.Record)
		if err != nil {
			return q.within(), fmt.Errorf("merging two changes of one entry: %w", err)
		}
		change.Record = record
	}
	q.bytes += size(change) - size(waiting.change)
	waiting.change = change
	return q.within(), nil
}

func (q *Queue) remove(element *list.Element) {
	change := q.order.Remove(element).(*item).change
	delete(q.index, change.Key)
	q.bytes -= size(change)
}

func (q *Queue) within() bool { return q.Len() <= q.limits.Entries && q.bytes <= q.limits.Bytes }

// Pop takes up to entries changes of together up to bytes, the oldest first; one change is never too large.
func (q *Queue) Pop(entries, bytes int) []state.Change {
	changes := make([]state.Change, 0, min(entries, q.Len()))
	for len(changes) < cap(changes) {
		front := q.order.Front()
		change := front.Value.(*item).change
		if bytes -= size(change); bytes < 0 && len(changes) > 0 {
			break
		}
		q.remove(front)
		changes = append(changes, change)
	}
	return changes
}

// Mark is the point now: after everything that was pushed so far.
func (q *Queue) Mark() Mark { return Mark(q.last) }

// Passed says whether everything that was pushed before the mark has been taken.
func (q *Queue) Passed(mark Mark) bool {
	front := q.order.Front()
	return front == nil || front.Value.(*item).arrival > uint64(mark)
}

// Clear forgets everything that waits.
func (q *Queue) Clear() {
	q.order.Init()
	clear(q.index)
	q.bytes = 0
}

func size(c state.Change) int { return len(c.Key) + len(c.Record) }
