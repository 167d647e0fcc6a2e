package hapair

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// memory is what the operator remembers of pairs from one reconcile to the next. It is no state of the pairs: an
// operator that starts anew knows nothing, and only waits longer.
type memory struct {
	mu    sync.Mutex
	pairs map[types.NamespacedName]remembered
}

// remembered is what is remembered of one pair.
type remembered struct {
	// seen is what was seen last, and since when.
	seen  string
	since time.Time
	// released is the pair of this name of which it is certain that it asks cert-manager for nothing.
	released types.UID
}

// unchanged is for how long this was seen of the pair, and nothing else. Time is that of the process's own clock, which
// setting the clock of the machine does not move.
func (m *memory) unchanged(pair types.NamespacedName, seen string, now time.Time) time.Duration {
	var since time.Time
	m.edit(pair, func(r *remembered) {
		if r.seen != seen || r.since.IsZero() {
			r.seen, r.since = seen, now
		}
		since = r.since
	})
	return now.Sub(since)
}

// released tells whether it is certain that the pair asks cert-manager for nothing.
func (m *memory) released(pair types.NamespacedName, uid types.UID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pairs[pair].released == uid
}

// release notes that; an empty UID, that it is not certain any more.
func (m *memory) release(pair types.NamespacedName, uid types.UID) {
	m.edit(pair, func(r *remembered) { r.released = uid })
}

func (m *memory) forget(pair types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pairs, pair)
}

func (m *memory) edit(pair types.NamespacedName, edit func(*remembered)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pairs == nil {
		m.pairs = map[types.NamespacedName]remembered{}
	}
	known := m.pairs[pair]
	edit(&known)
	m.pairs[pair] = known
}
