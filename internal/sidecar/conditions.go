package sidecar

import (
	"cmp"
	"fmt"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
	"github.com/hapair-io/hapair/internal/state"
)

// The values of a condition's status.
const (
	statusTrue  = "True"
	statusFalse = "False"
)

// conditions returns the conditions of the unit, without times.
func (o observation) conditions() []contract.Condition {
	return []contract.Condition{
		synchronizedCondition(o.machine, o.faults),
		configurationCondition(o.firewall),
		fenceCondition(o.fence),
		conflictCondition(o.faults),
	}
}

// synchronizedCondition reports whether both units hold the same state.
func synchronizedCondition(m ha.Machine, found faults) contract.Condition {
	c := contract.Condition{Type: v1alpha1.ConditionSynchronized, Status: statusFalse}
	switch {
	case found.full != "" && m.Role() != ha.Active:
		c.Reason = v1alpha1.ReasonTableFull
		c.Message = fmt.Sprintf("the table of class %s is full: raise %s on the node, or replicate less",
			found.full, fullHint(found.full))
	case m.InSync() && found.behind != "" && m.Role() != ha.Active:
		c.Reason = v1alpha1.ReasonProviderBehind
		c.Message = found.behind
	case m.InSync():
		c.Status, c.Reason = statusTrue, v1alpha1.ReasonInSync
	case m.Connected():
		c.Reason = v1alpha1.ReasonSynchronizing
	default:
		c.Reason = v1alpha1.ReasonPeerDisconnected
	}
	return c
}

// fullHint returns the limit to raise when the table of a class is full.
func fullHint(class string) string {
	row, _ := state.Classes().Named(class)
	return cmp.Or(row.FullHint, "its limit")
}

// configurationCondition reports whether the firewall enforces its document. The message of a refusal is the
// firewall's.
func configurationCondition(f firewallStatus) contract.Condition {
	c := contract.Condition{Type: v1alpha1.ConditionConfigurationApplied, Status: statusFalse}
	switch {
	case f.RefusedHash != "":
		c.Reason, c.Message = v1alpha1.ReasonInvalid, f.Error
	case f.inForce() && f.RoutingError != "":
		c.Reason, c.Message = v1alpha1.ReasonRoutesMissing, f.RoutingError
	case f.inForce() && f.HelperError != "":
		c.Reason, c.Message = v1alpha1.ReasonHelpersMissing, f.HelperError
	case f.inForce() && f.MulticastError != "":
		c.Reason, c.Message = v1alpha1.ReasonMulticastMissing, f.MulticastError
	case f.inForce() && f.DHCPError != "":
		c.Reason, c.Message = v1alpha1.ReasonDHCPMissing, f.DHCPError
	case f.inForce() && f.DNSError != "":
		c.Reason, c.Message = v1alpha1.ReasonDNSMissing, f.DNSError
	case f.inForce() && f.NamesError != "":
		c.Reason, c.Message = v1alpha1.ReasonNamesUnresolved, f.NamesError
	case f.inForce():
		c.Status, c.Reason = statusTrue, v1alpha1.ReasonApplied
	default:
		c.Reason = v1alpha1.ReasonApplying
	}
	return c
}

// fenceCondition reports whether the kernel closes the gate by itself.
func fenceCondition(f contract.Fence) contract.Condition {
	c := contract.Condition{Type: v1alpha1.ConditionFenceArmed, Status: statusTrue}
	switch f {
	case contract.FenceBPF:
		c.Reason = v1alpha1.ReasonBPF
	case contract.FenceNFTables:
		c.Reason = v1alpha1.ReasonNFTables
		c.Message = "the kernel or the container's profile refuses BPF, so an nftables set with timeouts is the fence"
	case contract.FenceUnavailable:
		c.Status, c.Reason = statusFalse, v1alpha1.ReasonUnavailable
	}
	return c
}

// conflictCondition reports whether another station claims a virtual address.
func conflictCondition(found faults) contract.Condition {
	c := contract.Condition{Type: v1alpha1.ConditionAddressConflict, Status: statusFalse}
	c.Reason = v1alpha1.ReasonNoConflict
	if found.conflicts != "" {
		c.Status, c.Reason, c.Message = statusTrue, v1alpha1.ReasonDuplicateAddress, found.conflicts
	}
	return c
}
