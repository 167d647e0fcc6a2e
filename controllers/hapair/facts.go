package hapair

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// facts are what was seen of a pair at one time. Nothing in them is guessed: where they could not be read whole there
// are none.
type facts struct {
	// whole is set when all of it could be read.
	whole bool
	// holder is who the Lease names, as the Lease has it; empty when it names nobody.
	holder string
	// term is the Lease's fencing token.
	term int64
	// failoverReport is what the unit that became active last noted on the Lease, unread; empty when there is nothing.
	failoverReport string
	// units have an entry for both units, with or without a pod.
	units map[v1alpha1.Unit]unitFacts
}

// unitFacts are what was seen of one unit.
type unitFacts struct {
	// pod is nil when there is none.
	pod *corev1.Pod
	// trouble is why the pod does not start, or does not go, when that is nothing that time mends.
	trouble string
	// lost is set when the pod is being deleted, is overdue, and its node is gone or does not answer.
	lost bool
	// stalled says that the pod takes longer to become what it should be than it may.
	stalled string
}

// active is the unit that the Lease names, if the pod that took the Lease still exists: a Lease that names a pod which
// is gone names nobody who could forward.
func (f facts) active() v1alpha1.Unit {
	for _, unit := range v1alpha1.Units() {
		pod := f.units[unit].pod
		if pod != nil && holds(f.holder, unit, pod.UID) {
			return unit
		}
	}
	return ""
}

// holds tells whether a holder identity, <unit>/<pod UID>/<incarnation of the process>, is that of the unit's pod.
func holds(holder string, unit v1alpha1.Unit, pod types.UID) bool {
	parts := strings.Split(holder, "/")
	return len(parts) == 3 && parts[0] == string(unit) && parts[1] == string(pod)
}

// synchronized tells whether both units say that the standby holds the active's state. One word is not enough: what a
// unit said before its node was lost stays in its pod's status.
func (f facts) synchronized() bool {
	return f.active() != "" &&
		f.units[v1alpha1.Primary].is(v1alpha1.PodConditionSynchronized) &&
		f.units[v1alpha1.Secondary].is(v1alpha1.PodConditionSynchronized)
}

func (u unitFacts) exists() bool { return u.pod != nil }

func (u unitFacts) terminating() bool { return u.pod != nil && u.pod.DeletionTimestamp != nil }

// ended tells whether the pod will never run again: it was evicted, or its containers were given up.
func (u unitFacts) ended() bool {
	return u.pod != nil && (u.pod.Status.Phase == corev1.PodFailed || u.pod.Status.Phase == corev1.PodSucceeded)
}

// ready tells whether the kubelet says that the pod is ready. That of a node which is lost is soon said not to be.
func (u unitFacts) ready() bool { return !u.ended() && u.is(string(corev1.PodReady)) }

// useful tells whether the unit can be counted on.
func (u unitFacts) useful() bool { return u.ready() && !u.terminating() }

func (u unitFacts) templateHash() string {
	if u.pod == nil {
		return ""
	}
	return u.pod.Annotations[v1alpha1.AnnotationTemplateHash]
}

func (u unitFacts) is(condition string) bool {
	c := u.condition(condition)
	return c != nil && c.Status == corev1.ConditionTrue
}

// condition is nil when the pod does not have it.
func (u unitFacts) condition(condition string) *corev1.PodCondition {
	if u.pod == nil {
		return nil
	}
	i := slices.IndexFunc(u.pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return string(c.Type) == condition
	})
	if i < 0 {
		return nil
	}
	return &u.pod.Status.Conditions[i]
}

// role is what the unit says of itself; empty when it says nothing that is known.
func (u unitFacts) role() v1alpha1.Role {
	c := u.condition(v1alpha1.PodConditionRole)
	if c == nil {
		return ""
	}
	switch role := v1alpha1.Role(c.Reason); role {
	case v1alpha1.RoleActive, v1alpha1.RoleStandby, v1alpha1.RoleFenced, v1alpha1.RoleStarting:
		return role
	default:
		return ""
	}
}

// fence is what closes the unit's gate; empty when it says nothing that is known.
func (u unitFacts) fence() v1alpha1.Fence {
	c := u.condition(v1alpha1.PodConditionFenced)
	if c == nil {
		return ""
	}
	switch fence := v1alpha1.Fence(c.Reason); fence {
	case v1alpha1.FenceBPF, v1alpha1.FenceNFTables, v1alpha1.FenceUnavailable:
		return fence
	default:
		return ""
	}
}

// health is what the unit's monitors say: whether it is healthy, nil when that is not known, and the fault. The word of
// a unit that is not ready any more may be an old one; a fault is believed all the same.
func (u unitFacts) health() (healthy *bool, fault string) {
	c := u.condition(v1alpha1.PodConditionHealthy)
	switch {
	case c == nil:
		return nil, ""
	case c.Status == corev1.ConditionFalse:
		return new(false), shorten(c.Message, maxQuoted)
	case c.Status == corev1.ConditionTrue && u.ready():
		return new(true), ""
	default:
		return nil, ""
	}
}

// configurationHash is of the document that the unit's firewall enforces; empty when it enforces none, or not the one
// that it was given last.
func (u unitFacts) configurationHash() string {
	c := u.condition(v1alpha1.PodConditionConfigurationApplied)
	if c == nil || c.Status != corev1.ConditionTrue {
		return ""
	}
	return c.Message
}
