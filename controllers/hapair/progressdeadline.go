package hapair

import (
	"cmp"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// defaultProgressDeadlineSeconds is the API's default, for a pair that was stored without defaulting.
const defaultProgressDeadlineSeconds = 600

// overdue describes what a unit has not become within the progress deadline: ready, or in sync while its peer waits for
// that to be replaced. Before the deadline it returns nothing and has the pair reconciled again at the deadline.
func (r *Reconciler) overdue(s *scope, unit v1alpha1.Unit) string {
	own := s.facts.units[unit]
	since, missing := own.pod.CreationTimestamp.Time, "ready"
	if own.ready() {
		if !s.peerAwaitsSync(unit) {
			return ""
		}
		since, missing = own.outOfSyncSince(), "in sync"
	}
	allowed := time.Second *
		time.Duration(cmp.Or(s.pair.Spec.Upgrade.ProgressDeadlineSeconds, defaultProgressDeadlineSeconds))
	if deadline := since.Add(allowed); r.Now().Before(deadline) {
		s.requeueAt(deadline)
		return ""
	}
	return fmt.Sprintf("pod %s has not become %s within %s (spec.upgrade.progressDeadlineSeconds); see the logs of its "+
		"containers. The other unit is left as it is", own.pod.Name, missing, allowed)
}

// peerAwaitsSync reports whether the unit's peer is outdated and waits for this one to hold its state.
func (s *scope) peerAwaitsSync(unit v1alpha1.Unit) bool {
	return s.facts.active() == unit.Peer() && s.decisions[unit.Peer()].action == actionWait &&
		!s.facts.units[unit.Peer()].terminating() && !s.facts.synchronized()
}

// outOfSyncSince returns since when the unit reports that it does not hold the state, or when its pod was created.
func (u unitFacts) outOfSyncSince() time.Time {
	since := u.pod.CreationTimestamp.Time
	c := u.condition(v1alpha1.PodConditionSynchronized)
	if c != nil && c.Status != corev1.ConditionTrue && c.LastTransitionTime.After(since) {
		since = c.LastTransitionTime.Time
	}
	return since
}
