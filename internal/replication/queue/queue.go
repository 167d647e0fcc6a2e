package queue

import (
	"fmt"
	"hash/maphash"

	"github.com/hapair-io/hapair/internal/state"
)

// Limits bound a queue by count and by size.
type Limits struct {
	// Entries is the largest number of changes.
	Entries int
	// Bytes is the largest size of their keys and records together.
	Bytes int
}

// Merge merges two records of the same entry. It does not keep them.
type Merge func(older, newer []byte) ([]byte, error)

// Queue holds changes in the order in which their entries first changed. It is not safe for concurrent use.
type Queue struct {
	limits Limits
	merge  Merge

	slots  arena
	index  index
	order  order
	length int
	bytes  int
	// last is the number of the last arrival.
	last   uint64
	popped popped
}

// Mark is a point in the order of arrival.
type Mark uint64

// New returns an empty queue.
func New(limits Limits, merge Merge) *Queue {
	return &Queue{limits: limits, merge: merge, index: index{seed: maphash.MakeSeed()}}
}

// Len returns the number of changes.
func (q *Queue) Len() int { return q.length }

// Bytes returns the size of their keys and records.
func (q *Queue) Bytes() int { return q.bytes }

// Push adds a copy of a change. It merges two changes of one entry, at the place of the first: a deletion replaces the
// change before it, and a record is merged into the record before it. But a record after a deletion belongs to a new
// entry and moves to the end. At its old place it could precede the end of another entry that had the same addresses
// meanwhile.
//
// It reports whether the queue is within its limits. Beyond them, the caller clears the queue and sends a snapshot: to
// drop a single change would lose it for good.
func (q *Queue) Push(change state.Change) (within bool, err error) {
	hash := q.index.hash(change.Key)
	at := q.index.find(hash, func(p place) bool {
		key, _ := q.slots.content(p)
		return string(key) == change.Key
	})
	if at == nowhere {
		q.add(hash, change)
		return q.within(), nil
	}
	record := change.Record
	switch waiting := q.slots.at(at).op; {
	case waiting == state.Upsert && change.Op == state.Upsert:
		_, older := q.slots.content(at)
		if record, err = q.merge(older, record); err != nil {
			return q.within(), fmt.Errorf("merging two changes of one entry: %w", err)
		}
	case waiting == state.Delete && change.Op == state.Upsert:
		q.order.remove(&q.slots, at)
		q.arrive(at)
	}
	q.bytes -= q.slots.at(at).size()
	q.slots.write(at, change, record)
	q.bytes += q.slots.at(at).size()
	return q.within(), nil
}

// add adds a change of an entry that has none in the queue.
func (q *Queue) add(hash uint32, change state.Change) {
	p := q.slots.take(change)
	s := q.slots.at(p)
	s.hash = hash
	q.arrive(p)
	q.index.insert(hash, p)
	q.length++
	q.bytes += s.size()
}

// arrive adds a slot at the end of the order.
func (q *Queue) arrive(p place) {
	q.last++
	q.slots.at(p).arrival = q.last
	q.order.push(&q.slots, p)
}

// remove removes a slot.
func (q *Queue) remove(p place) {
	s := q.slots.at(p)
	q.length--
	q.bytes -= s.size()
	q.index.remove(s.hash, p)
	q.order.remove(&q.slots, p)
	q.slots.free(p)
}

// within reports whether the queue is within its limits.
func (q *Queue) within() bool { return q.length <= q.limits.Entries && q.bytes <= q.limits.Bytes }

// Pop removes and returns the oldest changes: up to a number of entries, and up to a size, but at least one. The result
// is valid until the next Pop. Its keys remain valid.
func (q *Queue) Pop(entries, bytes int) []state.Change {
	changes, keys, records := q.count(entries, bytes)
	q.popped.begin(changes, keys, records)
	for range changes {
		oldest := q.order.front
		q.popped.add(&q.slots, oldest)
		q.remove(oldest)
	}
	if q.length == 0 {
		q.Clear() // releases memory after a flood
	}
	return q.popped.changes
}

// count returns how many changes a Pop returns, and the size of their keys and records.
func (q *Queue) count(entries, bytes int) (changes, keys, records int) {
	for p := q.order.front; p != nowhere && changes < entries; {
		s := q.slots.at(p)
		if bytes -= s.size(); bytes < 0 && changes > 0 {
			break
		}
		changes, keys, records = changes+1, keys+int(s.key), records+int(s.record)
		p = s.next
	}
	return changes, keys, records
}

// Mark returns the current point: after everything that was pushed so far.
func (q *Queue) Mark() Mark { return Mark(q.last) }

// Passed reports whether everything that was pushed before the mark has been popped.
func (q *Queue) Passed(mark Mark) bool {
	return q.length == 0 || q.slots.at(q.order.front).arrival > uint64(mark)
}

// Clear deletes all changes. The last result of Pop remains valid.
func (q *Queue) Clear() {
	q.slots.reset()
	q.index.reset()
	q.order = order{}
	q.length, q.bytes = 0, 0
}
