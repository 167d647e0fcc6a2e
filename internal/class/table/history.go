package table

import (
	"container/list"
	"slices"
	"strings"
	"time"
)

// item is the content of an entry, or the deletion of one.
type item struct {
	key       string
	value     []byte
	ends      bool
	deadline  time.Duration // on the boot clock, if the entry ends
	stamp     uint64
	revision  uint64
	isDeleted bool
}

// size returns what the item counts towards MaxBytes.
func (i item) size() int { return len(i.key) + len(i.value) + entryOverhead }

// change returns the item as its owner sees it.
func (i item) change(now time.Duration) Change {
	c := Change{Entry: Entry{Key: i.key, Value: i.value}, Revision: i.revision, Deleted: i.isDeleted}
	if i.ends {
		c.Life = max(i.deadline-now, time.Millisecond)
	}
	return c
}

// record returns the item as the peer receives it.
func (i item) record(now time.Duration) record {
	return record{value: i.value, ends: i.ends, life: i.deadline - now, stamp: i.stamp}
}

// element is an item in the table.
type element struct {
	item
	place *list.Element // in the history
	// index is the position among the deadlines; -1 for none.
	index int
}

// history has the entries in the order of their last change, and the deletions that a watch may still have to see. So a
// watch needs to store only the last revision that it has seen, and has at most one pending change for each key.
type history struct {
	elements map[string]*element
	order    list.List // of *element
	revision uint64    // of the last change
	// deletions counts the deletions in order. Those up to the revision forgotten were removed.
	deletions int
	forgotten uint64
}

// get returns the entry with a key.
func (h *history) get(key string) (*element, bool) {
	e, ok := h.elements[key]
	return e, ok && !e.isDeleted
}

// change makes an item the last change of its key, and returns its element.
func (h *history) change(i item) *element {
	h.revision++
	i.revision = h.revision
	e, ok := h.elements[i.key]
	if !ok {
		e = &element{index: -1}
		e.place = h.order.PushBack(e)
		h.elements[i.key] = e
	}
	if e.isDeleted {
		h.deletions--
	}
	if i.isDeleted {
		h.deletions++
	}
	e.item = i
	h.order.MoveToBack(e.place)
	return e
}

// forget removes the older half of the deletions if there are more than limit.
func (h *history) forget(limit int) {
	if h.deletions <= limit {
		return
	}
	for place := h.order.Front(); place != nil && h.deletions > limit/2; {
		next := place.Next()
		h.drop(place)
		place = next
	}
}

// forgetAll removes all deletions. The last ones come first, since they are usually the only ones.
func (h *history) forgetAll() {
	for place := h.order.Back(); place != nil && h.deletions > 0; {
		previous := place.Prev()
		h.drop(place)
		place = previous
	}
}

// drop removes what is at a place if it is a deletion.
func (h *history) drop(place *list.Element) {
	e := elementAt(place)
	if !e.isDeleted {
		return
	}
	h.order.Remove(place)
	delete(h.elements, e.key)
	h.deletions--
	h.forgotten = max(h.forgotten, e.revision)
}

// since returns the changes after a revision of keys with a prefix. It reports false if some were forgotten.
func (h *history) since(revision uint64, prefix string) (items []item, complete bool) {
	if revision < h.forgotten {
		return nil, false
	}
	for place := h.order.Back(); place != nil; place = place.Prev() {
		e := elementAt(place)
		if e.revision <= revision {
			break
		}
		if strings.HasPrefix(e.key, prefix) {
			items = append(items, e.item)
		}
	}
	slices.Reverse(items)
	return items, true
}

// live returns the entries whose key has a prefix, in the order of their last change.
func (h *history) live(prefix string) []item {
	items := make([]item, 0, len(h.elements)-h.deletions)
	for place := h.order.Front(); place != nil; place = place.Next() {
		if e := elementAt(place); !e.isDeleted && strings.HasPrefix(e.key, prefix) {
			items = append(items, e.item)
		}
	}
	return items
}

func elementAt(place *list.Element) *element {
	e, _ := place.Value.(*element)
	return e
}
