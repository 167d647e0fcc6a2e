package units

import (
	"context"
	"fmt"
	"strings"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// Pair is the state of one pair at the time when it was read.
type Pair struct {
	// Lease is nil until the operator creates it.
	Lease *coordinationv1.Lease
	// Pods has the units that have a pod.
	Pods map[v1alpha1.Unit]*corev1.Pod
	// Reports has the HAUnits that the operator created.
	Reports map[v1alpha1.Unit]*v1alpha1.HAUnit
}

func newPair() *Pair {
	return &Pair{Pods: map[v1alpha1.Unit]*corev1.Pod{}, Reports: map[v1alpha1.Unit]*v1alpha1.HAUnit{}}
}

// Action is one write of a kubelet or a sidecar.
type Action func(context.Context, client.Client) error

// Due returns what kubelets and sidecars would do next. The actions do not depend on each other.
func (p *Pair) Due() []Action {
	var due []Action
	for _, unit := range v1alpha1.Units() {
		pod := p.Pods[unit]
		switch {
		case pod == nil:
		case pod.DeletionTimestamp != nil:
			due = append(due, p.leave(unit))
		case HasEnded(pod):
		case pod.Spec.NodeName == "":
			due = append(due, Bind(pod, fmt.Sprintf("node-%d", numberOf(unit))))
		default:
			due = append(due, p.dueReports(unit)...)
		}
	}
	if p.Lease == nil || p.Holds(v1alpha1.Primary) || p.Holds(v1alpha1.Secondary) {
		return due
	}
	for _, unit := range v1alpha1.Units() {
		if p.Serves(unit) {
			return append(due, p.Give(unit))
		}
	}
	return due
}

// dueReports returns what the kubelet and the sidecar of a pod that runs would report next.
func (p *Pair) dueReports(unit v1alpha1.Unit) (due []Action) {
	pod, object := p.Pods[unit], p.Reports[unit]
	if status := p.nextStatus(unit); !equality.Semantic.DeepEqual(status, pod.Status) {
		due = append(due, updateStatus(pod, status))
	}
	if object == nil || len(pod.Status.PodIPs) == 0 {
		return due // A sidecar cannot report before it runs and its HAUnit exists.
	}
	if status := p.nextReport(unit); !equality.Semantic.DeepEqual(status, object.Status) {
		due = append(due, updateReport(object, status))
	}
	return due
}

// HasEnded reports whether a pod will never run again.
func HasEnded(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
}

// Holds reports whether the Lease names the unit's present pod.
func (p *Pair) Holds(unit v1alpha1.Unit) bool {
	pod := p.Pods[unit]
	return pod != nil && p.Lease != nil && p.Lease.Spec.HolderIdentity != nil &&
		strings.HasPrefix(*p.Lease.Spec.HolderIdentity, fmt.Sprintf("%s/%s/", unit, pod.UID))
}

// Serves reports whether the unit's pod is ready and stays.
func (p *Pair) Serves(unit v1alpha1.Unit) bool {
	pod := p.Pods[unit]
	return pod != nil && pod.DeletionTimestamp == nil && !HasEnded(pod) &&
		conditionOf(pod, corev1.PodReady).Status == corev1.ConditionTrue
}

// InSync reports whether the unit reports that the standby holds the state of the active.
func (p *Pair) InSync(unit v1alpha1.Unit) bool {
	return meta.IsStatusConditionTrue(p.reported(unit).Conditions, v1alpha1.ConditionSynchronized)
}

// reported returns what the unit's present pod reports; empty if that has not reported anything yet.
func (p *Pair) reported(unit v1alpha1.Unit) v1alpha1.HAUnitStatus {
	object, pod := p.Reports[unit], p.Pods[unit]
	if object == nil || pod == nil || object.Status.Incarnation != Holder(unit, pod.UID) {
		return v1alpha1.HAUnitStatus{}
	}
	return object.Status
}

// conditionOf returns an empty condition if the pod does not have it.
func conditionOf(pod *corev1.Pod, kind corev1.PodConditionType) corev1.PodCondition {
	if pod != nil {
		for _, condition := range pod.Status.Conditions {
			if condition.Type == kind {
				return condition
			}
		}
	}
	return corev1.PodCondition{}
}

// leave removes a pod that is being deleted, once it does not hold the Lease any more.
func (p *Pair) leave(unit v1alpha1.Unit) Action {
	pod := p.Pods[unit]
	switch {
	case !p.Holds(unit):
		return func(ctx context.Context, writer client.Client) error {
			return writer.Delete(ctx, pod, client.GracePeriodSeconds(0), client.Preconditions{UID: &pod.UID})
		}
	case p.Serves(unit.Peer()):
		return p.Give(unit.Peer())
	default:
		return p.Give("")
	}
}

// Give returns the write by which a unit takes the Lease. If the unit is empty nobody holds it then.
func (p *Pair) Give(unit v1alpha1.Unit) Action {
	lease := p.Lease.DeepCopy()
	if unit == "" {
		Release(&lease.Spec)
	} else {
		Claim(&lease.Spec, unit, p.Pods[unit].UID)
	}
	return func(ctx context.Context, writer client.Client) error { return writer.Update(ctx, lease) }
}

// Bind returns the write by which a scheduler gives a pod a node.
func Bind(pod *corev1.Pod, node string) Action {
	return func(ctx context.Context, writer client.Client) error {
		return writer.SubResource("binding").Create(ctx, pod.DeepCopy(), &corev1.Binding{
			Target: corev1.ObjectReference{Kind: "Node", Name: node},
		})
	}
}

// numberOf returns 1 for the primary unit and 2 for the secondary.
func numberOf(unit v1alpha1.Unit) int {
	return map[v1alpha1.Unit]int{v1alpha1.Primary: 1, v1alpha1.Secondary: 2}[unit]
}

func updateStatus(pod *corev1.Pod, status corev1.PodStatus) Action {
	updated := pod.DeepCopy()
	updated.Status = status
	return func(ctx context.Context, writer client.Client) error { return writer.Status().Update(ctx, updated) }
}

func updateReport(object *v1alpha1.HAUnit, status v1alpha1.HAUnitStatus) Action {
	updated := object.DeepCopy()
	updated.Status = status
	return func(ctx context.Context, writer client.Client) error { return writer.Status().Update(ctx, updated) }
}

// nextStatus returns the next status of the unit's pod. It is the present status if nothing changes any more. A pod is
// ready after its sidecar has reported.
func (p *Pair) nextStatus(unit v1alpha1.Unit) corev1.PodStatus {
	status := *p.Pods[unit].Status.DeepCopy()
	if len(status.PodIPs) == 0 {
		SetRunning(&status, fmt.Sprintf("10.1.%d.7", numberOf(unit)))
		SetConditions(&status, Ready(false))
	} else if p.reported(unit).Role != "" {
		SetConditions(&status, Ready(true))
	}
	return status
}

// nextReport returns what the unit reports next. It is the present report if nothing changes any more.
func (p *Pair) nextReport(unit v1alpha1.Unit) v1alpha1.HAUnitStatus {
	pod := p.Pods[unit]
	status := *p.Reports[unit].Status.DeepCopy()
	if status.Incarnation != Holder(unit, pod.UID) {
		Write(&status, unit, pod.UID, RoleIs(v1alpha1.RoleStarting))
		return status
	}
	role := v1alpha1.RoleStandby
	if p.Holds(unit) {
		role = v1alpha1.RoleActive
	}
	Write(&status, unit, pod.UID, RoleIs(role), p.nextSync(unit),
		Enforces(pod.Annotations[v1alpha1.AnnotationConfigurationHash]), NoConflict())
	return status
}

// nextSync returns the next report of the unit's sync. A unit is in sync two reports after both units serve.
func (p *Pair) nextSync(unit v1alpha1.Unit) Report {
	served := p.Holds(unit) || p.Holds(unit.Peer())
	if !served || !p.Serves(unit) || !p.Serves(unit.Peer()) {
		return NotInSync(v1alpha1.ReasonPeerDisconnected)
	}
	found := meta.FindStatusCondition(p.reported(unit).Conditions, v1alpha1.ConditionSynchronized)
	if found != nil && (found.Reason == v1alpha1.ReasonSynchronizing || found.Reason == v1alpha1.ReasonInSync) {
		return InSync()
	}
	return NotInSync(v1alpha1.ReasonSynchronizing)
}
