package sidecar

import (
	"context"
	"strings"
	"sync"

	"github.com/hapair-io/hapair/internal/addresses"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
)

// faults are what the monitors, the watch for duplicate addresses, and replication have found. People read them.
type faults struct {
	conflicts string
	// checks are the results of the monitors' checks.
	checks []contract.UnitHealth
	// full is the class of state whose table is full on this unit; empty if no table is.
	full string
}

// followFaults starts the monitors, the watch for duplicate addresses, and the watch for full tables.
//
// Only the monitors' results are also facts for the machine. A duplicate address is not, since giving the role away
// would not fix it. A full table is not either, since a standby with most of the state is better than no standby.
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

// join returns the conflicts as one text.
func join(conflicts []addresses.Conflict) string {
	texts := make([]string, len(conflicts))
	for i, c := range conflicts {
		texts[i] = c.String()
	}
	return strings.Join(texts, "; ")
}
