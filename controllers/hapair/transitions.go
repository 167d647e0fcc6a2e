package hapair

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// transition is an Event that follows from a change of the status.
type transition struct {
	notice notice
	note   string
}

// transitions returns what happened between two statuses. What did not change is not reported again.
func transitions(before, after v1alpha1.HAPairStatus) []transition {
	var all []transition
	all = append(all, activeTransition(before, after)...)
	all = append(all, failoverTransitions(before, after)...)
	all = append(all, conditionTransition(before, after, v1alpha1.ConditionRedundant,
		noticeRedundancyRestored, noticeRedundancyLost)...)
	all = append(all, conditionTransition(before, after, v1alpha1.ConditionSynchronized,
		noticeSynchronized, noticeSynchronizationLost)...)
	all = append(all, conditionTransition(before, after, v1alpha1.ConditionAddressConflict,
		noticeConflict, noticeConflictGone)...)
	configured := configurationTransition(before, after)
	all = append(all, configured...)
	if len(configured) > 0 && configured[0].notice == noticeConfigurationRefused {
		return all // The pair is stalled for the same reason.
	}
	return append(all, progressTransition(before, after)...)
}

func activeTransition(before, after v1alpha1.HAPairStatus) []transition {
	switch {
	case after.Active == before.Active && (after.Active == "" || after.Term == before.Term):
		return nil
	case after.Active == "":
		return []transition{{noticeActiveLost, fmt.Sprintf("No unit is active after unit %s", before.Active)}}
	}
	note := fmt.Sprintf("Unit %s is active in term %d", after.Active, after.Term)
	if before.Active == after.Active.Peer() {
		note += fmt.Sprintf(", in place of unit %s", before.Active)
	}
	return []transition{{noticeActiveChanged, note}}
}

// conditionTransition reports when a condition becomes True, and when it stops being True. A condition that is not True
// at first is no transition.
func conditionTransition(
	before, after v1alpha1.HAPairStatus, condition string, gained, lost notice,
) []transition {
	was := meta.IsStatusConditionTrue(before.Conditions, condition)
	is := meta.FindStatusCondition(after.Conditions, condition)
	switch {
	case is == nil || was == (is.Status == metav1.ConditionTrue):
		return nil
	case was:
		return []transition{{lost, is.Message}}
	default:
		return []transition{{gained, is.Message}}
	}
}

// configurationTransition reports each new reason why a configuration is not in force, and when one is.
func configurationTransition(before, after v1alpha1.HAPairStatus) []transition {
	was := meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionConfigurationApplied)
	is := meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionConfigurationApplied)
	if is == nil || (was != nil && was.Reason == is.Reason && was.Message == is.Message) {
		return nil
	}
	refused := []string{v1alpha1.ReasonInvalid, v1alpha1.ReasonConfigurationNotFound, v1alpha1.ReasonRefusedByUnit}
	switch {
	case is.Reason == v1alpha1.ReasonApplied:
		return []transition{{noticeConfigurationApplied, is.Message}}
	case slices.Contains(refused, is.Reason) || missingPart(is.Reason) != "":
		return []transition{{noticeConfigurationRefused, is.Message}}
	default:
		return nil
	}
}

// progressTransition reports when the operator begins to wait for a person, or for something that takes too long.
func progressTransition(before, after v1alpha1.HAPairStatus) []transition {
	if is := newlyTrue(before, after, v1alpha1.ConditionStalled); is != nil {
		if is.Reason == v1alpha1.ReasonProgressDeadlineExceeded {
			return []transition{{noticeDeadlineExceeded, is.Message}}
		}
		return []transition{{noticeBlocked, is.Message}}
	}
	is := newlyTrue(before, after, v1alpha1.ConditionReconciling)
	if is != nil && is.Reason == v1alpha1.ReasonSwitchoverAwaited {
		return []transition{{noticeSwitchoverAwaited, is.Message}}
	}
	return nil
}

// newlyTrue returns a condition that is True and was not, or not for the same reason; nil for any other.
func newlyTrue(before, after v1alpha1.HAPairStatus, condition string) *metav1.Condition {
	was := meta.FindStatusCondition(before.Conditions, condition)
	is := meta.FindStatusCondition(after.Conditions, condition)
	if is == nil || is.Status != metav1.ConditionTrue || was != nil && was.Status == is.Status && was.Reason == is.Reason {
		return nil
	}
	return is
}
