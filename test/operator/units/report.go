package units

import (
	"fmt"
	"slices"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// Condition returns a condition of a pod.
func Condition(kind corev1.PodConditionType, is bool, reason, message string) corev1.PodCondition {
	status := corev1.ConditionFalse
	if is {
		status = corev1.ConditionTrue
	}
	return corev1.PodCondition{Type: kind, Status: status, Reason: reason, Message: message}
}

// Ready returns what a kubelet reports of a pod.
func Ready(is bool) corev1.PodCondition { return Condition(corev1.PodReady, is, "", "") }

// RoleIs returns what a unit with this role reports.
func RoleIs(role v1alpha1.Role) corev1.PodCondition {
	return Condition(v1alpha1.PodConditionRole, role == v1alpha1.RoleActive, string(role), "")
}

// InSync returns what a unit reports while the standby holds the state of the active.
func InSync() corev1.PodCondition {
	return Condition(v1alpha1.PodConditionSynchronized, true, v1alpha1.ReasonInSync, "")
}

// NotInSync returns what a unit reports while the standby does not hold the state of the active.
func NotInSync(reason string) corev1.PodCondition {
	return Condition(v1alpha1.PodConditionSynchronized, false, reason, "")
}

// Refuses returns what a unit reports whose firewall refuses the document.
func Refuses(message string) corev1.PodCondition {
	return Condition(v1alpha1.PodConditionConfigurationApplied, false, v1alpha1.ReasonInvalid, message)
}

// Enforces returns what a unit reports whose firewall enforces the document with this hash.
func Enforces(hash string) corev1.PodCondition {
	return Condition(v1alpha1.PodConditionConfigurationApplied, true, v1alpha1.ReasonApplied, hash)
}

// Settled returns everything that a unit of a pair in its final state reports.
func Settled(role v1alpha1.Role, configurationHash string) []corev1.PodCondition {
	return []corev1.PodCondition{Ready(true), RoleIs(role), InSync(), Enforces(configurationHash)}
}

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
