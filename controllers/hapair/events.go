package hapair

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// notice is one kind of Event that the operator makes about a pair: each tells a person of something that happened
// once.
type notice struct {
	kind, reason, action string
}

// What the operator did.
var (
	noticeUnitCreated  = notice{corev1.EventTypeNormal, "UnitCreated", "Create"}
	noticeUnitReplaced = notice{corev1.EventTypeNormal, "UnitReplaced", "Replace"}
	noticeUnitEnded    = notice{corev1.EventTypeWarning, "UnitEnded", "Remove"}
	noticeUnitLost     = notice{corev1.EventTypeWarning, "UnitLost", "Remove"}

	noticeAuthorityExchanged   = notice{corev1.EventTypeNormal, "AuthorityExchanged", "Renew"}
	noticeCertificateExchanged = notice{corev1.EventTypeNormal, "CertificateExchanged", "Renew"}
)

// What the operator saw.
var (
	noticeActiveChanged        = notice{corev1.EventTypeNormal, "ActiveChanged", "Observe"}
	noticeActiveLost           = notice{corev1.EventTypeWarning, "ActiveLost", "Observe"}
	noticeRedundancyRestored   = notice{corev1.EventTypeNormal, "RedundancyRestored", "Observe"}
	noticeRedundancyLost       = notice{corev1.EventTypeWarning, "RedundancyLost", "Observe"}
	noticeSynchronized         = notice{corev1.EventTypeNormal, "Synchronized", "Observe"}
	noticeSynchronizationLost  = notice{corev1.EventTypeWarning, "SynchronizationLost", "Observe"}
	noticeConfigurationApplied = notice{corev1.EventTypeNormal, "ConfigurationApplied", "Observe"}
	noticeConfigurationRefused = notice{corev1.EventTypeWarning, "ConfigurationRefused", "Validate"}
	noticeBlocked              = notice{corev1.EventTypeWarning, "Blocked", "Reconcile"}
	noticeStalled              = notice{corev1.EventTypeWarning, "Stalled", "Observe"}
	noticeSwitchoverAwaited    = notice{corev1.EventTypeNormal, "SwitchoverAwaited", "Replace"}
	noticeConflict             = notice{corev1.EventTypeWarning, "AddressConflict", "Observe"}
	noticeConflictGone         = notice{corev1.EventTypeNormal, "AddressConflictGone", "Observe"}
)

// A change of the active unit that is over has one reason; whether it is a warning depends on its cause.
var (
	noticeSwitchover = notice{corev1.EventTypeNormal, "FailoverCompleted", "Observe"}
	noticeFailover   = notice{corev1.EventTypeWarning, "FailoverCompleted", "Observe"}
)

// maxNote is what the API server admits of an Event's note.
const maxNote = 1024

// tell makes an Event about the pair. Events of one kind about one state of the pair are taken for repetitions of the
// first, unless they are related to different objects.
func (r *Reconciler) tell(pair *v1alpha1.HAPair, related runtime.Object, n notice, format string, args ...any) {
	r.Events.Eventf(pair, related, n.kind, n.reason, n.action, "%s", shorten(fmt.Sprintf(format, args...), maxNote))
}

// transition is a notice that follows from a change of the status.
type transition struct {
	notice notice
	note   string
}

// transitions are what happened between two statuses. What did not change is not told again.
func transitions(before, after v1alpha1.HAPairStatus) []transition {
	var told []transition
	told = append(told, activeTransition(before, after)...)
	told = append(told, failoverTransition(before, after)...)
	told = append(told, turned(before, after, v1alpha1.ConditionRedundant,
		noticeRedundancyRestored, noticeRedundancyLost)...)
	told = append(told, turned(before, after, v1alpha1.ConditionSynchronized,
		noticeSynchronized, noticeSynchronizationLost)...)
	told = append(told, turned(before, after, v1alpha1.ConditionAddressConflict,
		noticeConflict, noticeConflictGone)...)
	configured := configurationTransition(before, after)
	told = append(told, configured...)
	if len(configured) > 0 && configured[0].notice == noticeConfigurationRefused {
		return told // which is also what blocks the pair
	}
	return append(told, haltedTransition(before, after)...)
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

// turned tells when a condition became true, and when it is no longer. That it is not true at first is no event.
func turned(before, after v1alpha1.HAPairStatus, condition string, gained, lost notice) []transition {
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

// configurationTransition tells of each new reason for which a document is not in force, and when one is.
func configurationTransition(before, after v1alpha1.HAPairStatus) []transition {
	was := meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionConfigurationApplied)
	is := meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionConfigurationApplied)
	if is == nil || (was != nil && was.Reason == is.Reason && was.Message == is.Message) {
		return nil
	}
	switch is.Reason {
	case v1alpha1.ReasonApplied:
		return []transition{{noticeConfigurationApplied, is.Message}}
	case v1alpha1.ReasonInvalid, v1alpha1.ReasonConfigurationNotFound, v1alpha1.ReasonRefusedByUnit:
		return []transition{{noticeConfigurationRefused, is.Message}}
	default:
		return nil
	}
}

// haltedTransition tells when the operator begins to wait for a person, or for what takes too long.
func haltedTransition(before, after v1alpha1.HAPairStatus) []transition {
	was := meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionProgressing)
	is := meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionProgressing)
	if is == nil || was != nil && was.Reason == is.Reason {
		return nil
	}
	switch is.Reason {
	case v1alpha1.ReasonBlocked:
		return []transition{{noticeBlocked, is.Message}}
	case v1alpha1.ReasonStalled:
		return []transition{{noticeStalled, is.Message}}
	case v1alpha1.ReasonSwitchoverAwaited:
		return []transition{{noticeSwitchoverAwaited, is.Message}}
	default:
		return nil
	}
}
