package certificates

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Memory holds what the operator knows of pairs from one reconcile to the next. An operator that starts with an empty
// memory does the same, only later.
type Memory struct {
	mu    sync.Mutex
	pairs map[types.NamespacedName]known
}

// known is what is known of one pair.
type known struct {
	// content is a digest of the units' Secrets when they were read last, and since the time since when it is the same.
	content string
	since   time.Time
	// withoutCertificates is the UID of the pair if it is certain that the pair has no Certificate of cert-manager.
	withoutCertificates types.UID
}

// Delete drops what is known of a pair that was deleted.
func (m *Memory) Delete(pair types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pairs, pair)
}

// unchanged records the content, and returns for how long it has been the same. The time is the process's monotonic
// clock, so setting the machine's clock does not affect it.
func (m *Memory) unchanged(pair types.NamespacedName, content string, now time.Time) time.Duration {
	var since time.Time
	m.edit(pair, func(k *known) {
		if k.content != content || k.since.IsZero() {
			k.content, k.since = content, now
		}
		since = k.since
	})
	return now.Sub(since)
}

// isWithoutCertificates reports whether it is certain that the pair has no Certificate of cert-manager.
func (m *Memory) isWithoutCertificates(pair types.NamespacedName, uid types.UID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pairs[pair].withoutCertificates == uid
}

// setWithoutCertificates records the pair that has no Certificate of cert-manager. An empty UID records that this is
// no longer certain.
func (m *Memory) setWithoutCertificates(pair types.NamespacedName, uid types.UID) {
	m.edit(pair, func(k *known) { k.withoutCertificates = uid })
}

func (m *Memory) edit(pair types.NamespacedName, edit func(*known)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pairs == nil {
		m.pairs = map[types.NamespacedName]known{}
	}
	of := m.pairs[pair]
	edit(&of)
	m.pairs[pair] = of
}
