package sidecar

import (
	"context"
	"strings"
	"sync"

	"github.com/hapair-io/hapair/internal/addresses"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
)

// faults are what the monitors, the watch for duplicate addresses, and replication have found, for people.
type faults struct {
	conflicts string
	// checks are the results of the monitors' checks.
	checks []contract.UnitHealth
	// full is the class of state that has no room on this unit; empty when all have.
	full string
}

// followFaults starts the monitors, the watch for duplicate addresses, and that of replication. What the monitors say
// is also a fact for the machine; a duplicate address is not, since to give the role away would not mend it, and nor is
// a full table: a standby with most of the state is better than none.
func (s *Sidecar) followFaults(ctx context.Context) {
	var mu sync.Mutex
	var known faults
	change := func(f func(*faults)) {
		mu.Lock()
		defer mu.Unlock()
		f(&known)
		select {
		case s.faultChanges <- known:
		case <-ctx.Done():
		}
	}
	s.work(func() {
		s.config.Addresses.Watch(ctx, func(conflicts []addresses.Conflict) {
			change(func(f *faults) { f.conflicts = join(conflicts) })
		})
	})
	s.work(func() {
		s.config.Replication.Follow(ctx, func(f ha.Fact) { s.tell(ctx, f) }, func(class string) {
			change(func(f *faults) { f.full = class })
		})
	})
	if s.config.Monitors == nil {
		return
	}
	s.work(func() {
		s.config.Monitors.Run(ctx, func(h ha.Health, checks []contract.UnitHealth) {
			s.tell(ctx, ha.HealthChanged{Health: h})
			change(func(f *faults) { f.checks = checks })
		})
	})
}

func join(conflicts []addresses.Conflict) string {
	said := make([]string, len(conflicts))
	for i, c := range conflicts {
		said[i] = c.String()
	}
	return strings.Join(said, "; ")
}
