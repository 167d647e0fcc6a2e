package sidecar

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/hapair-io/hapair/internal/addresses"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
)

// faults are what the monitors, the virtual addresses, and replication have found. People read them.
type faults struct {
	conflicts string
	// monitored and held are the results of the monitors' checks, and of those of the virtual addresses.
	monitored, held []contract.UnitHealth
	// dataPlane is the result of the check of routes and rules; nil before its first result.
	dataPlane *contract.UnitHealth
	// neighbours is the result of the check of static neighbours; nil before one was wrong.
	neighbours *contract.UnitHealth
	// routes is the result of the check of the routes of the firewall's document; nil before its first fault.
	routes *contract.UnitHealth
	// health is what follows from the first two for the machine.
	health ha.Health
	// full is the class of state whose table is full on this unit; empty if no table is.
	full string
	// behind are the providers that do not take over the state of the peer; empty if all do.
	behind string
}

// checks returns the results of all checks.
func (f faults) checks() []contract.UnitHealth {
	var all []contract.UnitHealth
	for _, check := range []*contract.UnitHealth{f.dataPlane, f.routes, f.neighbours} {
		if check != nil {
			all = append(all, *check)
		}
	}
	return slices.Concat(all, f.monitored, f.held)
}

// machineHealth returns the health for the machine. Without routes and rules no interface carries traffic. A unit that
// lacks routes of the document holds its networks no better than one that lacks their virtual addresses.
func (f faults) machineHealth() ha.Health {
	h := f.health
	if f.dataPlane != nil && !f.dataPlane.Healthy {
		h.Links = 0
	}
	if f.routes != nil && !f.routes.Healthy {
		h.Unheld = math.MaxUint16
	}
	return h
}

// findings collects the faults from their sources and passes them on.
type findings struct {
	sidecar *Sidecar

	mu    sync.Mutex
	known faults
}

// change changes the faults. It tells the machine of the health, and the loop of the rest.
func (f *findings) change(ctx context.Context, do func(*faults)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.known.machineHealth()
	do(&f.known)
	if now := f.known.machineHealth(); now != before {
		f.sidecar.tell(ctx, ha.HealthChanged{Health: now})
	}
	select {
	case f.sidecar.faultChanges <- f.known:
	case <-ctx.Done():
	}
}

// followFaults starts the monitors, the watches for missing and for duplicate addresses, and the watches for full
// tables and for providers that are behind.
//
// The monitors' results, missing addresses and missing routes are also facts for the machine. A duplicate address is
// not, since giving the role away would not fix it. A full table is not either, and no provider that is behind, since a
// standby with most of the state is better than no standby. Nor is a wrong static neighbour: the peer has it as well,
// and any station can contradict one.
func (s *Sidecar) followFaults(ctx context.Context) {
	found := &findings{sidecar: s}
	s.work(func() {
		s.config.Addresses.Watch(ctx, func(conflicts []addresses.Conflict) {
			found.change(ctx, func(f *faults) { f.conflicts = join(conflicts) })
		})
	})
	s.work(func() {
		s.config.Addresses.Keep(ctx, func(all []addresses.State) {
			found.change(ctx, func(f *faults) { f.held, f.health.Unheld = heldChecks(all) })
		})
	})
	s.work(func() {
		s.config.Replication.Follow(ctx, func(f ha.Fact) { s.tell(ctx, f) }, func(class string) {
			found.change(ctx, func(f *faults) { f.full = class })
		})
	})
	if s.config.Providers != nil {
		s.work(func() {
			s.config.Providers.Follow(ctx, func(behind string) {
				found.change(ctx, func(f *faults) { f.behind = behind })
			})
		})
	}
	if s.config.DataPlane != nil {
		s.work(func() {
			s.config.DataPlane.Run(ctx, func(err error) {
				found.change(ctx, func(f *faults) { f.dataPlane = checkOf(contract.CheckDataPlane, err) })
			})
		})
	}
	if s.config.Neighbours != nil {
		s.work(func() {
			s.config.Neighbours.Run(ctx, func(err error) {
				found.change(ctx, func(f *faults) { f.neighbours = checkOf(contract.CheckNeighbours, err) })
			})
		})
	}
	s.work(func() { s.followRoutes(ctx, found) })
	if s.config.Monitors == nil {
		return
	}
	s.work(func() {
		s.config.Monitors.Run(ctx, func(h ha.Health, checks []contract.UnitHealth) {
			found.change(ctx, func(f *faults) {
				h.Unheld = f.health.Unheld
				f.health, f.monitored = h, checks
			})
		})
	})
}

// followRoutes follows which routes of its document the firewall reports as missing.
func (s *Sidecar) followRoutes(ctx context.Context, found *findings) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.routes:
			missing := s.firewalls.get().RoutingError
			found.change(ctx, func(f *faults) {
				f.routes = &contract.UnitHealth{Name: contract.CheckRoutes, Healthy: missing == "", Message: missing}
			})
		}
	}
}

// checkOf returns a check that fails with an error.
func checkOf(name string, err error) *contract.UnitHealth {
	check := &contract.UnitHealth{Name: name, Healthy: err == nil}
	if err != nil {
		check.Message = err.Error()
	}
	return check
}

// heldChecks returns the checks of the virtual addresses, and the bits of the networks on which not all are held.
func heldChecks(all []addresses.State) (checks []contract.UnitHealth, unheld uint16) {
	for i, state := range all {
		checks = append(checks, contract.UnitHealth{
			Name: contract.CheckOfAddresses(state.Interface), Healthy: state.Fault == "", Message: state.Fault,
		})
		if state.Fault != "" {
			unheld |= 1 << i
		}
	}
	return checks, unheld
}

// join returns the conflicts as one text.
func join(conflicts []addresses.Conflict) string {
	texts := make([]string, len(conflicts))
	for i, c := range conflicts {
		texts[i] = c.String()
	}
	return strings.Join(texts, "; ")
}
