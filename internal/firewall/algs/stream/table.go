package stream

import (
	"container/list"
	"net/netip"
	"time"
)

const (
	// MaxConnections bounds the connections of a table. The one that was used longest ago makes room.
	MaxConnections = 4096
	// Lifetime is how long a table keeps a connection without segments.
	Lifetime = time.Minute
)

// Key names a direction of a connection as its segments do.
type Key struct{ Source, Destination netip.AddrPort }

// Table keeps what is known of each connection, as a value that begins as zero. The zero table is empty. It is not safe
// for concurrent use.
type Table[V any] struct {
	elements map[Key]*list.Element
	// order has the connection first that was used last.
	order list.List
}

type entry[V any] struct {
	key   Key
	value V
	used  time.Time
}

// Get returns the value of a connection. The pointer is valid until the next call of Get or Remove.
func (t *Table[V]) Get(key Key, now time.Time) *V {
	t.expire(now)
	if e, ok := t.elements[key]; ok {
		t.order.MoveToFront(e)
		return &t.touch(e, now).value
	}
	if len(t.elements) >= MaxConnections {
		t.remove(t.order.Back())
	}
	if t.elements == nil {
		t.elements = map[Key]*list.Element{}
	}
	e := t.order.PushFront(&entry[V]{key: key})
	t.elements[key] = e
	return &t.touch(e, now).value
}

// Remove forgets a connection.
func (t *Table[V]) Remove(key Key) {
	if e, ok := t.elements[key]; ok {
		t.remove(e)
	}
}

// Len returns the number of connections.
func (t *Table[V]) Len() int { return len(t.elements) }

func (t *Table[V]) touch(e *list.Element, now time.Time) *entry[V] {
	held, _ := e.Value.(*entry[V]) // The list has no other elements.
	held.used = now
	return held
}

func (t *Table[V]) expire(now time.Time) {
	for last := t.order.Back(); last != nil; last = t.order.Back() {
		held, _ := last.Value.(*entry[V])
		if now.Sub(held.used) < Lifetime {
			return
		}
		t.remove(last)
	}
}

func (t *Table[V]) remove(e *list.Element) {
	held, _ := t.order.Remove(e).(*entry[V])
	delete(t.elements, held.key)
}
