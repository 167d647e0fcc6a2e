package queue

import (
	"fmt"
	"hash/maphash"

	"github.com/hapair-io/hapair/internal/state"
)

// Limits bound a queue twice.
type Limits struct {
	// Entries is how many changes are held at most.
	Entries int
	// Bytes is how many bytes their keys and records have at most.
	Bytes int
}

// Merge makes one record of two of the same entry. It keeps neither.
type Merge func(older, newer []byte) ([]byte, error)

// Queue is the changes that wait, in the order in which their entries first changed.
type Queue struct {
	limits Limits
	merge  Merge

	slots  arena
	index  index
	order  order
	length int
	bytes  int
	// last is the number of the newest arrival.
	last   uint64
	popped popped
}

// Mark is a point in the order of arrival.
type Mark uint64

// New makes an empty queue.
func New(limits Limits, merge Merge) *Queue {
	return &Queue{limits: limits, merge: merge, index: index{seed: maphash.MakeSeed()}}
}

// Len is the number of changes that wait.
func (q *Queue) Len() int { return q.length }

// Bytes is the size of their keys and records.
func (q *Queue) Bytes() int { return q.bytes }

// Push adds a copy of a change. Of two changes of one entry one is left: a deletion makes what was before it needless,
// and a record is merged into the one before it, both at the place of the first. A record after a deletion is of a new
// entry, and moves to the end: at its old place it could come before the end of another entry that had its addresses
// meanwhile.
//
// It reports whether the queue is within its limits. Beyond them the caller clears it and repairs by a snapshot, since
// a change that is dropped alone would be lost for good.
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

func (q *Queue) add(hash uint32, change state.Change) {
	p := q.slots.take(change)
	s := q.slots.at(p)
	s.hash = hash
	q.arrive(p)
	q.index.insert(hash, p)
	q.length++
	q.bytes += s.size()
}

// arrive puts a slot at the end.
func (q *Queue) arrive(p place) {
	q.last++
	q.slots.at(p).arrival = q.last
	q.order.push(&q.slots, p)
}

func (q *Queue) remove(p place) {
	s := q.slots.at(p)
	q.length--
	q.bytes -= s.size()
	q.index.remove(s.hash, p)
	q.order.remove(&q.slots, p)
	q.slots.free(p)
}

func (q *Queue) within() bool { return q.length <= q.limits.Entries && q.bytes <= q.limits.Bytes }

// Pop takes up to entries changes of together up to bytes, the oldest first; one change is never too large. What it
// returns is valid until the next Pop, the keys for as long as one likes.
func (q *Queue) Pop(entries, bytes int) []state.Change {
	changes, keys, records := q.count(entries, bytes)
	q.popped.begin(changes, keys, records)
	for range changes {
		oldest := q.order.front
		q.popped.add(&q.slots, oldest)
		q.remove(oldest)
	}
	if q.length == 0 {
		q.Clear() // gives back what a flood took
	}
	return q.popped.changes
}

// count is how much a Pop takes.
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

// Mark is the point now: after everything that was pushed so far.
func (q *Queue) Mark() Mark { return Mark(q.last) }

// Passed says whether everything that was pushed before the mark has been taken.
func (q *Queue) Passed(mark Mark) bool {
	return q.length == 0 || q.slots.at(q.order.front).arrival > uint64(mark)
}

// Clear forgets everything that waits. What Pop returned last stays valid.
func (q *Queue) Clear() {
	q.slots.reset()
	q.index.reset()
	q.order = order{}
	q.length, q.bytes = 0, 0
}
