package sidecar

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/gate"
	"github.com/hapair-io/hapair/internal/ha"
	"github.com/hapair-io/hapair/internal/state"
)

// Condition is one condition of the unit's own pod.
type Condition struct {
	True            bool
	Reason, Message string
}

// Conditions are all that the sidecar says about itself to the cluster.
type Conditions struct {
	// Role is v1alpha1.PodConditionRole, and so on.
	Role, Synchronized, ConfigurationApplied, Fenced, Healthy, AddressConflict Condition
}

func (s *Sidecar) conditionsNow() Conditions {
	return conditionsOf(s.machine, s.firewall, s.faults, s.config.Gate.Kind())
}

// conditionsOf computes the conditions from all that is known.
func conditionsOf(m ha.Machine, f firewallStatus, found faults, k gate.Kind) Conditions {
	return Conditions{
		Role:                 roleCondition(m),
		Synchronized:         synchronizedCondition(m, found),
		ConfigurationApplied: configurationCondition(f),
		Fenced:               fencedCondition(k),
		Healthy:              healthyCondition(f, found),
		AddressConflict:      conflictCondition(found),
	}
}

func fencedCondition(k gate.Kind) Condition {
	switch k {
	case gate.KindBPF:
		return Condition{True: true, Reason: v1alpha1.ReasonBPF}
	case gate.KindNFTables:
		return Condition{
			True: true, Reason: v1alpha1.ReasonNFTables,
			Message: "The kernel or the container's profile refuses BPF: a set of nftables with a time-out is the fence",
		}
	default:
		return Condition{Reason: v1alpha1.ReasonUnavailable}
	}
}

func healthyCondition(f firewallStatus, found faults) Condition {
	message := found.monitors()
	if !f.inForce() {
		message = strings.Trim("the firewall reports no ruleset in force; "+message, "; ")
	}
	if message != "" {
		return Condition{Reason: v1alpha1.ReasonMonitorFailed, Message: message}
	}
	return Condition{True: true, Reason: v1alpha1.ReasonMonitorsGood}
}

func conflictCondition(found faults) Condition {
	if found.conflicts != "" {
		return Condition{True: true, Reason: v1alpha1.ReasonDuplicateAddress, Message: found.conflicts}
	}
	return Condition{Reason: v1alpha1.ReasonNoConflict}
}

// roleCondition has the role as its reason. The message says how an active became it, and what keeps a standby from
// becoming it other than that its peer is active.
func roleCondition(m ha.Machine) Condition {
	c := Condition{True: m.Role() == ha.Active, Reason: m.Role().String()}
	switch m.Role() {
	case ha.Active:
		c.Message = promotionMessage(m.Promotion())
	case ha.Starting:
		obstacles := m.Obstacles()
		said := make([]string, len(obstacles))
		for i, o := range obstacles {
			said[i] = string(o)
		}
		c.Message = strings.Join(said, "; ")
	case ha.Fenced:
		c.Message = "The permit ran out or the Lease is being given up"
	case ha.Standby:
	}
	return c
}

// promotionMessage tells the steps of a promotion with their times.
func promotionMessage(r ha.Report) string {
	if !r.Finished {
		return fmt.Sprintf("Term %d: promotion under way", r.Term)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Term %d, promoted in %s:", r.Term, r.Total())
	for _, step := range r.Steps() {
		fmt.Fprintf(&b, " %s %s", step.Name, step.Duration)
		if step.Failures > 0 {
			fmt.Fprintf(&b, " (failed %d times)", step.Failures)
		}
	}
	return b.String()
}

func synchronizedCondition(m ha.Machine, found faults) Condition {
	switch {
	case found.full != "" && m.Role() != ha.Active:
		return Condition{Reason: v1alpha1.ReasonTableFull, Message: fmt.Sprintf(
			"the table of class %s is full: raise %s on the node, or replicate less",
			found.full, fullHint(found.full))}
	case m.InSync():
		return Condition{True: true, Reason: v1alpha1.ReasonInSync}
	case m.Connected():
		return Condition{Reason: v1alpha1.ReasonSynchronizing}
	default:
		return Condition{Reason: v1alpha1.ReasonPeerDisconnected}
	}
}

// fullHint returns the limit to raise when the table of a class is full.
func fullHint(class string) string {
	row, _ := state.Classes().Named(class)
	return cmp.Or(row.FullHint, "its limit")
}

func configurationCondition(f firewallStatus) Condition {
	switch {
	case f.RefusedHash != "":
		return Condition{Reason: v1alpha1.ReasonInvalid, Message: f.Error}
	case f.inForce():
		return Condition{True: true, Reason: v1alpha1.ReasonApplied, Message: f.Hash}
	default:
		return Condition{Reason: v1alpha1.ReasonApplying}
	}
}
