package units

import (
	"fmt"
	"slices"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// Report is a part of what a unit reports in its HAUnit.
type Report func(*v1alpha1.HAUnitStatus)

// RoleIs reports a role.
func RoleIs(role v1alpha1.Role) Report {
	return func(status *v1alpha1.HAUnitStatus) { status.Role = string(role) }
}

// Condition reports a condition.
func Condition(kind string, is bool, reason, message string) Report {
	wanted := metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: reason, Message: message}
	if is {
		wanted.Status = metav1.ConditionTrue
	}
	return func(status *v1alpha1.HAUnitStatus) { meta.SetStatusCondition(&status.Conditions, wanted) }
}

// InSync reports that the standby holds the state of the active.
func InSync() Report {
	return Condition(v1alpha1.ConditionSynchronized, true, v1alpha1.ReasonInSync, "")
}

// NotInSync reports that the standby does not hold the state of the active.
func NotInSync(reason string) Report {
	return Condition(v1alpha1.ConditionSynchronized, false, reason, "")
}

// Refuses reports that the firewall refuses the document.
func Refuses(message string) Report {
	return Condition(v1alpha1.ConditionConfigurationApplied, false, v1alpha1.ReasonInvalid, message)
}

// Enforces reports that the firewall enforces the document with this hash.
func Enforces(hash string) Report {
	return func(status *v1alpha1.HAUnitStatus) {
		status.ConfigurationHash = hash
		Condition(v1alpha1.ConditionConfigurationApplied, true, v1alpha1.ReasonApplied, "")(status)
	}
}

// NoConflict reports that no other station claims a virtual address.
func NoConflict() Report {
	return Condition(v1alpha1.ConditionAddressConflict, false, v1alpha1.ReasonNoConflict, "")
}

// FailedOver reports how the unit became active last.
func FailedOver(record v1alpha1.FailoverRecord) Report {
	return func(status *v1alpha1.HAUnitStatus) { status.LastFailover = &record }
}

// Monitors reports a fence and the results of health checks.
func Monitors(fence v1alpha1.Fence, health ...v1alpha1.UnitHealth) Report {
	return func(status *v1alpha1.HAUnitStatus) { status.Fence, status.Health = string(fence), health }
}

// Settled returns everything that a unit of a pair in its final state reports.
func Settled(role v1alpha1.Role, configurationHash string) []Report {
	return []Report{RoleIs(role), InSync(), Enforces(configurationHash), NoConflict()}
}

// Write changes the status of an HAUnit as the sidecar in a pod does. A sidecar replaces the status of an earlier pod.
func Write(status *v1alpha1.HAUnitStatus, unit v1alpha1.Unit, pod types.UID, reports ...Report) {
	if status.Incarnation != Holder(unit, pod) {
		*status = v1alpha1.HAUnitStatus{Incarnation: Holder(unit, pod)}
	}
	for _, report := range reports {
		report(status)
	}
}

// PodCondition returns a condition of a pod.
func PodCondition(kind corev1.PodConditionType, is bool, reason, message string) corev1.PodCondition {
	status := corev1.ConditionFalse
	if is {
		status = corev1.ConditionTrue
	}
	return corev1.PodCondition{Type: kind, Status: status, Reason: reason, Message: message}
}

// Ready returns what a kubelet reports of a pod.
func Ready(is bool) corev1.PodCondition { return PodCondition(corev1.PodReady, is, "", "") }

// SetConditions adds conditions to a status, or replaces those of the same type.
func SetConditions(status *corev1.PodStatus, conditions ...corev1.PodCondition) {
	for _, wanted := range conditions {
		same := func(c corev1.PodCondition) bool { return c.Type == wanted.Type }
		if i := slices.IndexFunc(status.Conditions, same); i >= 0 {
			status.Conditions[i] = wanted
		} else {
			status.Conditions = append(status.Conditions, wanted)
		}
	}
}

// SetRunning sets in a status what a kubelet reports of a pod that runs and has this address.
func SetRunning(status *corev1.PodStatus, address string) {
	status.Phase, status.PodIP, status.PodIPs = corev1.PodRunning, address, []corev1.PodIP{{IP: address}}
}

// LeaseSeconds is the duration of the Leases that units write.
const LeaseSeconds = 15

// Holder returns the identity by which a unit's process in a pod holds the Lease.
func Holder(unit v1alpha1.Unit, pod types.UID) string {
	return fmt.Sprintf("%s/%s/0123abcd", unit, pod)
}

// Claim writes a unit into a Lease as its holder in the next term.
func Claim(lease *coordinationv1.LeaseSpec, unit v1alpha1.Unit, pod types.UID) {
	holder, term, now := Holder(unit, pod), termOf(lease)+1, metav1.NowMicro()
	lease.HolderIdentity, lease.LeaseTransitions, lease.AcquireTime = &holder, &term, &now
	Renew(lease)
}

// Release writes into a Lease that nobody holds it.
func Release(lease *coordinationv1.LeaseSpec) {
	lease.HolderIdentity, lease.LeaseTransitions = new(""), new(termOf(lease))
	Renew(lease)
}

// Renew writes a renewal into a Lease.
func Renew(lease *coordinationv1.LeaseSpec) {
	lease.LeaseDurationSeconds, lease.RenewTime = new(int32(LeaseSeconds)), new(metav1.NowMicro())
}

func termOf(lease *coordinationv1.LeaseSpec) int32 {
	if lease.LeaseTransitions == nil {
		return 0
	}
	return *lease.LeaseTransitions
}
