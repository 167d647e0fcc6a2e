package sidecar

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
	"github.com/hapair-io/hapair/internal/state"
)

// StatusStore holds the status of this unit: its HAUnit at the API server.
type StatusStore interface {
	// Read returns the status as it was written last, also by an earlier process.
	Read(ctx context.Context) (contract.UnitStatus, error)
	// Write replaces the status.
	Write(ctx context.Context, status contract.UnitStatus) error
}

// observation is all from which the status of the unit is computed.
type observation struct {
	self         ha.Incarnation
	machine      ha.Machine
	firewall     firewallStatus
	faults       faults
	fence        contract.Fence
	classes      []string
	lastFailover *contract.FailoverRecord
}

// observe returns what is known now.
func (s *Sidecar) observe() observation {
	return observation{
		self: s.config.HA.Self, machine: s.machine, firewall: s.firewall, faults: s.faults, fence: s.config.Gate.Fence(),
		classes: s.config.Classes, lastFailover: s.lastFailover,
	}
}

// unitStatus computes the status of the unit. It leaves out times and numbers of entries, so that two equal statuses
// need one write; the recorder adds them.
func unitStatus(o observation) contract.UnitStatus {
	return contract.UnitStatus{
		Role:              o.machine.Role().String(),
		Term:              int64(o.machine.Term()), //nolint:gosec // A term fits the Lease's int32.
		Incarnation:       string(o.self),
		Fence:             o.fence,
		ConfigurationHash: o.firewall.Hash,
		Obstacles:         o.obstacles(),
		Health:            o.health(),
		Classes:           o.classStates(),
		LastFailover:      o.lastFailover,
		Conditions:        o.conditions(),
	}
}

// obstacles returns what keeps a unit without a role from becoming active.
func (o observation) obstacles() []string {
	if o.machine.Role() != ha.Starting {
		return nil
	}
	var all []string
	for _, obstacle := range o.machine.Obstacles() {
		all = append(all, string(obstacle))
	}
	return all
}

// health returns the results of all checks, that of the firewall first.
func (o observation) health() []contract.UnitHealth {
	firewall := contract.UnitHealth{Name: contract.CheckFirewall, Healthy: o.firewall.isSteady()}
	if !firewall.Healthy {
		firewall.Message = cmp.Or(o.firewall.unsteady, o.firewall.missing, "the firewall reports no ruleset in force")
	}
	all := []contract.UnitHealth{firewall}
	if o.firewall.foreign != "" {
		all = append(all, contract.UnitHealth{
			Name: contract.CheckForeignRules, Healthy: true,
			Message: "other programs filter the unit's packets: " + o.firewall.foreign,
		})
	}
	return append(all, o.faults.checks()...)
}

// classStates returns the state of each class that the unit replicates.
func (o observation) classStates() []contract.UnitClass {
	all := make([]contract.UnitClass, len(o.classes))
	for i, name := range o.classes {
		all[i] = contract.UnitClass{Name: name, State: o.classState(name)}
	}
	return all
}

func (o observation) classState(name string) string {
	switch {
	case o.faults.full == name && o.machine.Role() != ha.Active:
		return contract.ClassTableFull
	case o.machine.InSync():
		return contract.ClassInSync
	case o.machine.Connected():
		return contract.ClassSynchronizing
	default:
		return contract.ClassDisconnected
	}
}

// recorder writes statuses to a store. It adds what makes two statuses differ though nothing changed: times, which move
// only with what they describe, and numbers of entries, as they are at the write. So a number that changes causes no
// write, and a unit to which nothing happens writes nothing.
type recorder struct {
	store StatusStore
	// connections counts the entries of the connection cache; it may be nil.
	connections func() (int64, error)
	// costs are those of the classes; it may be nil.
	costs *costs
	now   func() time.Time
	log   logr.Logger

	// last is what was written last, by this process or by an earlier one; nil before it was read.
	last *contract.UnitStatus
}

// write writes the status. It is called by one goroutine at a time.
func (r *recorder) write(ctx context.Context, status contract.UnitStatus) error {
	if r.last == nil {
		// An earlier process of the unit may have recorded a failover, and when its conditions changed.
		last, err := r.store.Read(ctx)
		if err != nil {
			return fmt.Errorf("reading the status of the unit: %w", err)
		}
		r.last = &last
	}
	status = r.complete(status).Bounded()
	if err := r.store.Write(ctx, status); err != nil {
		return fmt.Errorf("writing the status of the unit: %w", err)
	}
	r.last = &status
	return nil
}

// complete returns a copy of the status with times, numbers of entries and the last failover.
func (r *recorder) complete(status contract.UnitStatus) contract.UnitStatus {
	now := contract.Time{Time: r.now().UTC().Truncate(time.Second)}
	if status.LastFailover == nil {
		status.LastFailover = r.last.LastFailover
	}
	status.Conditions = slices.Clone(status.Conditions)
	for i := range status.Conditions {
		c := &status.Conditions[i]
		c.LastTransitionTime = now
		for _, last := range r.last.Conditions {
			if last.Type == c.Type && last.Status == c.Status {
				c.LastTransitionTime = last.LastTransitionTime
			}
		}
	}
	status.Classes = slices.Clone(status.Classes)
	for i := range status.Classes {
		c := &status.Classes[i]
		c.Since = now
		for _, last := range r.last.Classes {
			if last.Name == c.Name && last.State == c.State {
				c.Since = last.Since
			}
		}
		if r.costs != nil {
			c.Entries, c.BytesPerSecond = r.costs.report(c.Name)
		}
		if c.Name == state.ConnectionCache.String() {
			c.Entries = r.countConnections()
		}
	}
	return status
}

// countConnections returns how many connections the kernel holds; nil if it cannot count them.
func (r *recorder) countConnections() *int64 {
	if r.connections == nil {
		return nil
	}
	count, err := r.connections()
	if err != nil {
		r.log.Error(err, "Counting connections for the status of the unit")
		return nil
	}
	return &count
}
