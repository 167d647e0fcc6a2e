package connectioncache

import (
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// maxYoung bounds the connections in an age filter. At the bound, a new connection is replicated at once.
const maxYoung = 1 << 16

// ageFilter holds back connections until they reach a minimum age. Most connections end earlier, and the standby never
// receives them. An age filter with a minimum age of 0 holds back nothing. Its methods may be called concurrently.
type ageFilter struct {
	minimum time.Duration

	mu    sync.Mutex
	young map[identity]struct{}
	// order lists connections by their time of arrival. Some of them are no longer in young.
	order []arrival
}

// identity identifies a connection in the kernel's table.
type identity struct {
	orig conntrack.Tuple
	zone uint16
}

// arrival is the time at which a connection was held back.
type arrival struct {
	id identity
	at time.Time
}

// newAgeFilter returns an empty filter.
func newAgeFilter(minimum time.Duration) *ageFilter {
	return &ageFilter{minimum: minimum, young: map[identity]struct{}{}}
}

// identify returns the identity of a connection.
func identify(f *conntrack.Flow) identity { return identity{f.Orig, f.Zone} }

// clear removes all connections.
func (a *ageFilter) clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.young)
	a.order = nil
}

// hold adds a new connection and reports whether there was capacity for it.
func (a *ageFilter) hold(f *conntrack.Flow, now time.Time) bool {
	if a.minimum == 0 {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.order) >= maxYoung {
		return false
	}
	id := identify(f)
	a.young[id] = struct{}{}
	a.order = append(a.order, arrival{id, now})
	return true
}

// holds reports whether a connection is held back.
func (a *ageFilter) holds(f *conntrack.Flow) bool {
	if a.minimum == 0 {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.young[identify(f)]
	return ok
}

// release removes a connection that has ended, and reports whether it was held back.
func (a *ageFilter) release(f *conntrack.Flow) bool {
	if a.minimum == 0 {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	id := identify(f)
	_, ok := a.young[id]
	delete(a.young, id)
	return ok
}

// matured removes up to limit connections that have reached the minimum age. It returns a request to the kernel for
// each of them, since their state has changed since they were held back.
func (a *ageFilter) matured(now time.Time, limit int) (requests []conntrack.Request) {
	if a.minimum == 0 {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.order) > 0 && len(requests) < limit && now.Sub(a.order[0].at) >= a.minimum {
		id := a.order[0].id
		a.order = a.order[1:]
		if _, ok := a.young[id]; ok {
			delete(a.young, id)
			requests = append(requests, conntrack.Request{
				Operation: conntrack.Get, Flow: conntrack.Flow{Orig: id.orig, Zone: id.zone},
			})
		}
	}
	return requests
}

// isEmpty reports whether no connection is waiting to mature.
func (a *ageFilter) isEmpty() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.order) == 0
}
