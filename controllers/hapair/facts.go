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
	// term is the Lease's fencing token. invalidTerm is what the Lease has instead of it, if no unit can have written
	// that.
	term        int64
	invalidTerm *int64
	// switchoverTo is the unit that the Lease names as the target of a switchover; empty if it names none.
	switchoverTo v1alpha1.Unit
	// units have an entry for both units, with or without a pod.
	units map[v1alpha1.Unit]unitFacts
}

// unitFacts are what was observed of one unit.
type unitFacts struct {
	// pod is nil if the unit has no pod.
	pod *corev1.Pod
	// report is the status of the HAUnit; nil unless the unit's current pod wrote it.
	report *v1alpha1.HAUnitStatus
	// obstacle is why the pod does not start or terminate, if only a person can remove it.
	obstacle string
	// warning is what the kubelet last reported in an Event about a pod that does not start. It may pass by itself.
	warning string
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
		f.units[v1alpha1.Primary].reportsTrue(v1alpha1.ConditionSynchronized) &&
		f.units[v1alpha1.Secondary].reportsTrue(v1alpha1.ConditionSynchronized)
}

func (u unitFacts) exists() bool { return u.pod != nil }

func (u unitFacts) terminating() bool { return u.pod != nil && u.pod.DeletionTimestamp != nil }

// ended reports whether the pod will never run again: it was evicted, or its containers were given up.
func (u unitFacts) ended() bool {
	return u.pod != nil && (u.pod.Status.Phase == corev1.PodFailed || u.pod.Status.Phase == corev1.PodSucceeded)
}

// ready reports whether the pod is ready. The node controller soon clears that of a pod on a lost node.
func (u unitFacts) ready() bool {
	return u.pod != nil && !u.ended() && slices.ContainsFunc(u.pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// useful reports whether the unit can take over or continue to serve.
func (u unitFacts) useful() bool { return u.ready() && !u.terminating() }

func (u unitFacts) templateHash() string {
	if u.pod == nil {
		return ""
	}
	return u.pod.Annotations[v1alpha1.AnnotationTemplateHash]
}
