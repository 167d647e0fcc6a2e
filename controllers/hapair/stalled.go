package hapair

import (
	"cmp"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// defaultProgressDeadlineSeconds is that of the API, for a pair that came past its defaulting.
const defaultProgressDeadlineSeconds = 600

// stalled says that a unit has taken longer than it may to become ready, or, while its peer waits for that with being
// replaced, to hold the state. Before that it has the pair looked at again when the time is over.
func (r *Reconciler) stalled(s *scope, unit v1alpha1.Unit) string {
	own := s.facts.units[unit]
	since, lacks := own.pod.CreationTimestamp.Time, "ready"
	if own.ready() {
		if !s.awaitsState(unit) {
			return ""
		}
		since, lacks = own.lostState(), "in sync"
	}
	patience := time.Second *
		time.Duration(cmp.Or(s.pair.Spec.Upgrade.ProgressDeadlineSeconds, defaultProgressDeadlineSeconds))
	if deadline := since.Add(patience); r.Now().Before(deadline) {
		s.lookAgain(deadline)
		return ""
	}
	return fmt.Sprintf("pod %s has not become %s within %s (spec.upgrade.progressDeadlineSeconds); see the logs of its "+
		"containers. The other unit is left as it is", own.pod.Name, lacks, patience)
}

// awaitsState tells whether the unit's peer is outdated and waits for this one to hold its state.
func (s *scope) awaitsState(unit v1alpha1.Unit) bool {
	return s.facts.active() == unit.Peer() && s.decisions[unit.Peer()].action == actionWait &&
		!s.facts.units[unit.Peer()].terminating() && !s.facts.synchronized()
}

// lostState is since when the unit says that it does not hold the state, or else exists.
func (u unitFacts) lostState() time.Time {
	since := u.pod.CreationTimestamp.Time
	c := u.condition(v1alpha1.PodConditionSynchronized)
	if c != nil && c.Status != corev1.ConditionTrue && c.LastTransitionTime.After(since) {
		since = c.LastTransitionTime.Time
	}
	return since
}
