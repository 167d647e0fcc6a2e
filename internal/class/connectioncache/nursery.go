package connectioncache

import (
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// maxYoung bounds how many connections wait to be old enough; what comes when there are as many does not wait.
const maxYoung = 1 << 16

// nursery keeps connections that are too young to be replicated, most of which end there: the other unit is never told
// of them. It may be used from anywhere. Without an age it takes none.
type nursery struct {
	age time.Duration

	mu    sync.Mutex
	young map[identity]struct{}
	// order is who came when; some are no longer young.
	order []birth
}

// identity is what a connection is found by.
type identity struct {
	orig conntrack.Tuple
	zone uint16
}

type birth struct {
	who identity
	at  time.Time
}

func newNursery(age time.Duration) *nursery {
	return &nursery{age: age, young: map[identity]struct{}{}}
}

func identify(f *conntrack.Flow) identity { return identity{f.Orig, f.Zone} }

// clear forgets all.
func (n *nursery) clear() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.young)
	n.order = nil
}

// take takes in a connection that is new, if there is room.
func (n *nursery) take(f *conntrack.Flow, now time.Time) bool {
	if n.age == 0 {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.order) >= maxYoung {
		return false
	}
	who := identify(f)
	n.young[who] = struct{}{}
	n.order = append(n.order, birth{who, now})
	return true
}

// has tells whether a connection is here.
func (n *nursery) has(f *conntrack.Flow) bool {
	if n.age == 0 {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	_, ok := n.young[identify(f)]
	return ok
}

// drop forgets a connection that has ended, and tells whether it was here.
func (n *nursery) drop(f *conntrack.Flow) bool {
	if n.age == 0 {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	who := identify(f)
	_, ok := n.young[who]
	delete(n.young, who)
	return ok
}

// grown is a question to the kernel for each of those that are old enough, at most so many. They are no longer here.
func (n *nursery) grown(now time.Time, most int) (questions []conntrack.Request) {
	if n.age == 0 {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.order) > 0 && len(questions) < most && now.Sub(n.order[0].at) >= n.age {
		who := n.order[0].who
		n.order = n.order[1:]
		if _, ok := n.young[who]; ok {
			delete(n.young, who)
			questions = append(questions, conntrack.Request{
				Operation: conntrack.Get, Flow: conntrack.Flow{Orig: who.orig, Zone: who.zone},
			})
		}
	}
	return questions
}

// empty tells whether nobody will grow.
func (n *nursery) empty() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.order) == 0
}
