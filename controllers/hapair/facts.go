package hapair

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// facts are what was observed of a pair at one time. Nothing in them is assumed.
type facts struct {
	// whole is set when everything could be read. No step acts on facts that are not whole.
	whole bool
	// holder is the holder identity of the Lease; empty if it has none.
	holder string
	// term is the Lease's fencing token.
	term int64
	// failoverReport is the report on the Lease about the last failover, not yet parsed; empty if there is none.
	failoverReport string
	// units have an entry for both units, with or without a pod.
	units map[v1alpha1.Unit]unitFacts
}

// unitFacts are what was observed of one unit.
type unitFacts struct {
	// pod is nil if there is none.
	pod *corev1.Pod
	// obstacle is why the pod does not start or terminate, if only a person can remove it.
	obstacle string
	// lost is set when the pod should have terminated, and its node is gone or does not respond.
	lost bool
	// overdue describes what the pod has not become within the progress deadline.
	overdue string
}

// active returns the unit that the Lease names, if the pod that took the Lease still exists. Without that pod no unit
// forwards, whatever the Lease says.
func (f facts) active() v1alpha1.Unit {
	for _, unit := range v1alpha1.Units() {
		pod := f.units[unit].pod
		if pod != nil && holds(f.holder, unit, pod.UID) {
			return unit
		}
	}
	return ""
}

// standby returns the unit that would take over now; empty if none would.
func (f facts) standby() v1alpha1.Unit {
	active := f.active()
	if active == "" || !f.units[active.Peer()].useful() {
		return ""
	}
	return active.Peer()
}

// holds reports whether a holder identity, <unit>/<pod UID>/<random>, is that of the unit's pod.
func holds(holder string, unit v1alpha1.Unit, pod types.UID) bool {
	parts := strings.Split(holder, "/")
	return len(parts) == 3 && parts[0] == string(unit) && parts[1] == string(pod)
}

// synchronized reports whether both units report that the standby holds the active's state. One report is not enough:
// that of a unit whose node was lost is outdated.
func (f facts) synchronized() bool {
	return f.active() != "" &&
		f.units[v1alpha1.Primary].is(v1alpha1.PodConditionSynchronized) &&
		f.units[v1alpha1.Secondary].is(v1alpha1.PodConditionSynchronized)
}

func (u unitFacts) exists() bool { return u.pod != nil }

func (u unitFacts) terminating() bool { return u.pod != nil && u.pod.DeletionTimestamp != nil }

// ended reports whether the pod will never run again: it was evicted, or its containers were given up.
func (u unitFacts) ended() bool {
	return u.pod != nil && (u.pod.Status.Phase == corev1.PodFailed || u.pod.Status.Phase == corev1.PodSucceeded)
}

// ready reports whether the pod is ready. The node controller soon clears that of a pod on a lost node.
func (u unitFacts) ready() bool { return !u.ended() && u.is(string(corev1.PodReady)) }

// useful reports whether the unit can take over or continue to serve.
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

// condition returns a condition of the pod, nil if it does not have it.
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

// role returns the role that the unit reports; empty if it reports none that is known.
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

// fence returns what closes the unit's gate; empty if the unit reports nothing that is known.
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

// health returns what the unit's monitors report: whether it is healthy, nil if that is not known, and the fault. A
// unit that is not ready any more may have reported health long ago; its last fault counts all the same.
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

// configurationHash returns the hash of the configuration that the unit's firewall enforces; empty if it enforces none,
// or not the one that it was given last.
func (u unitFacts) configurationHash() string {
	c := u.condition(v1alpha1.PodConditionConfigurationApplied)
	if c == nil || c.Status != corev1.ConditionTrue {
		return ""
	}
	return c.Message
}

// refusesConfiguration reports whether the unit's firewall refuses the configuration, and with which message.
func (u unitFacts) refusesConfiguration() (refuses bool, message string) {
	c := u.condition(v1alpha1.PodConditionConfigurationApplied)
	if c == nil || c.Status != corev1.ConditionFalse || c.Reason != v1alpha1.ReasonInvalid {
		return false, ""
	}
	return true, c.Message
}
