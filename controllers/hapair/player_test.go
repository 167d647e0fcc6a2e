//go:build apiserver

package hapair_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// player acts for whoever is not there: the kubelets of a namespace's pods, and the sidecars in them, as far as the
// operator sees any of it. Its units keep to the protocol: the active hands over when its pod is deleted, and a standby
// is in sync some time after it is ready.
type player struct {
	namespace string
	// pair is the one that it plays for; all of the namespace when empty.
	pair string
	// reader is what it sees the cluster by. For a single pair it may be the API server: a list of all would take that
	// a tenth of a second, in which it makes sure that nothing newer is on its way.
	reader client.Reader
	// choose picks one of so many things that are due. When nil each is done, in order, so that a run can be repeated.
	choose func(int) int
}

// step does what is due, of which nothing waits for another, and tells whether anything was.
func (p *player) step(ctx context.Context) (bool, error) {
	casts, err := p.casts(ctx)
	if err != nil {
		return false, err
	}
	var due []deed
	for _, pair := range slices.Sorted(maps.Keys(casts)) {
		due = append(due, casts[pair].due()...)
	}
	if len(due) > 1 && p.choose != nil {
		due = due[p.choose(len(due)):][:1]
	}
	for _, do := range due {
		// What was seen too late is seen as it is now at the next step.
		if err := do(ctx); err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
			return true, err
		}
	}
	return len(due) > 0, nil
}

// casts are the pairs of the namespace, by name.
func (p *player) casts(ctx context.Context) (map[string]*cast, error) {
	if p.pair != "" {
		c, err := p.look(ctx, p.pair)
		return map[string]*cast{p.pair: c}, err
	}
	pods := &corev1.PodList{}
	err := p.reader.List(ctx, pods, client.InNamespace(p.namespace), client.HasLabels{v1alpha1.LabelPair})
	if err != nil {
		return nil, fmt.Errorf("looking at the pods: %w", err)
	}
	leases := &coordinationv1.LeaseList{}
	err = p.reader.List(ctx, leases, client.InNamespace(p.namespace), client.HasLabels{v1alpha1.LabelPair})
	if err != nil {
		return nil, fmt.Errorf("looking at the Leases: %w", err)
	}
	casts := map[string]*cast{}
	of := func(pair string) *cast {
		if casts[pair] == nil {
			casts[pair] = &cast{pods: map[v1alpha1.Unit]*corev1.Pod{}}
		}
		return casts[pair]
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		of(pod.Labels[v1alpha1.LabelPair]).pods[v1alpha1.Unit(pod.Labels[v1alpha1.LabelUnit])] = pod
	}
	for i := range leases.Items {
		of(leases.Items[i].Name).lease = &leases.Items[i]
	}
	return casts, nil
}

// look sees one pair.
func (p *player) look(ctx context.Context, pair string) (*cast, error) {
	c := &cast{pods: map[v1alpha1.Unit]*corev1.Pod{}}
	for _, unit := range v1alpha1.Units() {
		pod := &corev1.Pod{}
		switch err := p.reader.Get(ctx, client.ObjectKey{Namespace: p.namespace, Name: pair + "-" + string(unit)}, pod); {
		case err == nil:
			c.pods[unit] = pod
		case !apierrors.IsNotFound(err):
			return nil, fmt.Errorf("looking at the pod of unit %s: %w", unit, err)
		}
	}
	lease := &coordinationv1.Lease{}
	switch err := p.reader.Get(ctx, client.ObjectKey{Namespace: p.namespace, Name: pair}, lease); {
	case err == nil:
		c.lease = lease
	case !apierrors.IsNotFound(err):
		return nil, fmt.Errorf("looking at the Lease: %w", err)
	}
	return c, nil
}

// cast is one pair as it was seen.
type cast struct {
	// lease is nil until the operator made it.
	lease *coordinationv1.Lease
	pods  map[v1alpha1.Unit]*corev1.Pod
}

// deed is one thing that a kubelet or a sidecar does.
type deed func(context.Context) error

// due is what is to be done next, by whom ever.
func (c *cast) due() []deed {
	var due []deed
	for _, unit := range v1alpha1.Units() {
		pod := c.pods[unit]
		switch {
		case pod == nil:
		case pod.DeletionTimestamp != nil:
			due = append(due, c.leave(unit))
		case ended(pod):
		case pod.Spec.NodeName == "":
			due = append(due, bind(pod, unit))
		default:
			if status := c.saysNext(unit); !equality.Semantic.DeepEqual(status, pod.Status) {
				due = append(due, say(pod, status))
			}
		}
	}
	if c.lease == nil || c.holds(v1alpha1.Primary) || c.holds(v1alpha1.Secondary) {
		return due
	}
	for _, unit := range v1alpha1.Units() {
		if c.serves(unit) {
			return append(due, c.give(unit))
		}
	}
	return due
}

func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
}

func (c *cast) holds(unit v1alpha1.Unit) bool {
	pod := c.pods[unit]
	return pod != nil && c.lease != nil && c.lease.Spec.HolderIdentity != nil &&
		strings.HasPrefix(*c.lease.Spec.HolderIdentity, fmt.Sprintf("%s/%s/", unit, pod.UID))
}

func (c *cast) serves(unit v1alpha1.Unit) bool {
	pod := c.pods[unit]
	return pod != nil && pod.DeletionTimestamp == nil && !ended(pod) &&
		conditionOf(pod, string(corev1.PodReady)).Status == corev1.ConditionTrue
}

func (c *cast) inSync(unit v1alpha1.Unit) bool {
	return conditionOf(c.pods[unit], v1alpha1.PodConditionSynchronized).Status == corev1.ConditionTrue
}

// conditionOf is empty when the pod does not have it.
func conditionOf(pod *corev1.Pod, kind string) corev1.PodCondition {
	if pod != nil {
		for _, condition := range pod.Status.Conditions {
			if string(condition.Type) == kind {
				return condition
			}
		}
	}
	return corev1.PodCondition{}
}

// leave ends a pod that is being deleted, once it no longer holds the Lease.
func (c *cast) leave(unit v1alpha1.Unit) deed {
	pod := c.pods[unit]
	switch {
	case !c.holds(unit):
		return func(ctx context.Context) error {
			return admin.Delete(ctx, pod, client.GracePeriodSeconds(0), client.Preconditions{UID: &pod.UID})
		}
	case c.serves(unit.Peer()):
		return c.give(unit.Peer())
	default:
		return c.give("")
	}
}

// give writes a unit into the Lease, for the next term; nobody, for no new term, when the unit is empty.
func (c *cast) give(unit v1alpha1.Unit) deed {
	lease := c.lease.DeepCopy()
	holder, term := "", int32(0)
	if lease.Spec.LeaseTransitions != nil {
		term = *lease.Spec.LeaseTransitions
	}
	if unit != "" {
		holder, term = fmt.Sprintf("%s/%s/0123abcd", unit, c.pods[unit].UID), term+1
	}
	lease.Spec.HolderIdentity, lease.Spec.LeaseTransitions = &holder, &term
	lease.Spec.LeaseDurationSeconds = new(int32(15))
	lease.Spec.RenewTime = new(metav1.NowMicro())
	return func(ctx context.Context) error { return admin.Update(ctx, lease) }
}

func bind(pod *corev1.Pod, unit v1alpha1.Unit) deed {
	return func(ctx context.Context) error {
		return admin.SubResource("binding").Create(ctx, pod.DeepCopy(), &corev1.Binding{
			Target: corev1.ObjectReference{Kind: "Node", Name: fmt.Sprintf("node-%d", numberOf(unit))},
		})
	}
}

func numberOf(unit v1alpha1.Unit) int {
	return map[v1alpha1.Unit]int{v1alpha1.Primary: 1, v1alpha1.Secondary: 2}[unit]
}

func say(pod *corev1.Pod, status corev1.PodStatus) deed {
	said := pod.DeepCopy()
	said.Status = status
	return func(ctx context.Context) error { return admin.Status().Update(ctx, said) }
}

// saysNext is the status of the unit's pod a moment later; the same when nothing changes any more.
func (c *cast) saysNext(unit v1alpha1.Unit) corev1.PodStatus {
	pod := c.pods[unit]
	status := *pod.Status.DeepCopy()
	if len(status.PodIPs) == 0 {
		address := fmt.Sprintf("10.1.%d.7", numberOf(unit))
		status.Phase, status.PodIP, status.PodIPs = corev1.PodRunning, address, []corev1.PodIP{{IP: address}}
		setPodConditions(&status, podCondition(corev1.PodReady, false, "", ""), roleIs(v1alpha1.RoleStarting))
		return status
	}
	role := v1alpha1.RoleStandby
	if c.holds(unit) {
		role = v1alpha1.RoleActive
	}
	setPodConditions(&status,
		podCondition(corev1.PodReady, true, "", ""),
		roleIs(role),
		c.syncOf(unit),
		enforces(pod.Annotations[v1alpha1.AnnotationConfigurationHash]),
	)
	return status
}

// syncOf is what the unit says of its sync next: it takes a while after both are there.
func (c *cast) syncOf(unit v1alpha1.Unit) corev1.PodCondition {
	served := c.holds(unit) || c.holds(unit.Peer())
	if !served || !c.serves(unit) || !c.serves(unit.Peer()) {
		return notInSync(v1alpha1.ReasonPeerDisconnected)
	}
	switch conditionOf(c.pods[unit], v1alpha1.PodConditionSynchronized).Reason {
	case v1alpha1.ReasonSynchronizing, v1alpha1.ReasonInSync:
		return inSync()
	default:
		return notInSync(v1alpha1.ReasonSynchronizing)
	}
}
