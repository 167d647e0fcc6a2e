package connectioncache

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// maxLeftOut bounds the connections that are remembered. The end of any further one is sent to the standby, which has
// no such connection.
const maxLeftOut = 1 << 14

// leftOut remembers connections of classes that are not replicated. The kernel reports the labels of a connection only
// once, and at its end not even the helper. Its methods may be called concurrently.
type leftOut struct {
	mu    sync.Mutex
	known map[identity]struct{}
}

func newLeftOut() *leftOut { return &leftOut{known: map[identity]struct{}{}} }

// clear removes all connections.
func (l *leftOut) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.known)
}

// add remembers a connection.
func (l *leftOut) add(f *conntrack.Flow) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.known) < maxLeftOut {
		l.known[identify(f)] = struct{}{}
	}
}

// has reports whether a connection is remembered.
func (l *leftOut) has(f *conntrack.Flow) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.known[identify(f)]
	return ok
}

// remove forgets a connection.
func (l *leftOut) remove(f *conntrack.Flow) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.known, identify(f))
}

// isLeftOut reports whether an event is about a connection of a class that is not replicated, and remembers that. Such
// a connection has a helper or was announced by one, and each event has these two bits of its status.
func (w *watch) isLeftOut(e *conntrack.Event) (bool, error) {
	switch {
	case w.filter.parts.have(&e.Flow):
		w.leftOut.add(&e.Flow)
		return true, nil
	case e.Flow.Status&(conntrack.StatusExpected|conntrack.StatusHelper) == 0:
		return false, nil
	case e.Kind == conntrack.EventNew: // It has helper and labels. Whatever had its addresses before has ended.
		w.leftOut.remove(&e.Flow)
		return false, nil
	case w.leftOut.has(&e.Flow):
		if e.Kind == conntrack.EventDestroy {
			w.leftOut.remove(&e.Flow)
		}
		return true, nil
	case e.Kind == conntrack.EventUpdate && e.Flow.Status&conntrack.StatusExpected != 0:
		return w.isAnnounced(&e.Flow)
	default:
		return false, nil
	}
}

// isAnnounced asks the kernel for the labels of a connection that a helper announced. An update does not have them. A
// connection that has ended meanwhile needs no update.
func (w *watch) isAnnounced(f *conntrack.Flow) (bool, error) {
	request := conntrack.Request{Operation: conntrack.Get, Flow: conntrack.Flow{Orig: f.Orig, Zone: f.Zone}}
	found, err := w.table.Do([]conntrack.Request{request}, nil)
	switch {
	case err != nil:
		return false, fmt.Errorf("reading an announced connection: %w", err)
	case errors.Is(found[0].Err, unix.ENOENT):
		return true, nil
	case found[0].Err != nil:
		return false, nil
	case w.filter.parts.have(&found[0].Flow):
		w.leftOut.add(f)
		return true, nil
	default:
		return false, nil
	}
}
