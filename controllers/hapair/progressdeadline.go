package hapair

import (
	"cmp"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
		since, missing = s.outOfSyncSince(since), "in sync"
	}
	allowed := time.Second *
		time.Duration(cmp.Or(s.pair.Spec.Upgrade.ProgressDeadlineSeconds, defaultProgressDeadlineSeconds))
	if deadline := since.Add(allowed); r.Now().Before(deadline) {
		s.requeueAt(deadline)
		return ""
	}
	if own.warning != "" {
		return fmt.Sprintf("pod %s has not started within %s (spec.upgrade.progressDeadlineSeconds): %s. The other unit is "+
			"left as it is", own.pod.Name, allowed, own.warning)
	}
	return fmt.Sprintf("pod %s has not become %s within %s (spec.upgrade.progressDeadlineSeconds); see the logs of its "+
		"containers. The other unit is left as it is", own.pod.Name, missing, allowed)
}

// peerAwaitsSync reports whether the unit's peer is outdated and waits for this one to hold its state.
func (s *scope) peerAwaitsSync(unit v1alpha1.Unit) bool {
	return s.facts.active() == unit.Peer() && s.decisions[unit.Peer()].action == actionWait &&
		!s.facts.units[unit.Peer()].terminating() && !s.facts.synchronized()
}

// outOfSyncSince returns since when the pair is not synchronized, by the clock of the operator, but not before created.
func (s *scope) outOfSyncSince(created time.Time) time.Time {
	c := meta.FindStatusCondition(s.pair.Status.Conditions, v1alpha1.ConditionSynchronized)
	if c != nil && c.Status != metav1.ConditionTrue && c.LastTransitionTime.After(created) {
		return c.LastTransitionTime.Time
	}
	return created
}
