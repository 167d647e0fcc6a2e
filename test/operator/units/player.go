package units

import (
	"context"
	"fmt"
	"maps"
	"slices"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// Player acts for the kubelets and the sidecars of a namespace. Its units keep to the protocol: the active hands over
// when its pod is deleted, and a standby is in sync some time after it is ready.
type Player struct {
	Namespace string
	// Pair is the pair to play; all pairs of the namespace if empty.
	Pair string
	// Reader reads the cluster. It may be the API server if Pair is set. A list takes the API server a tenth of a
	// second, since it waits until it is certain that nothing newer exists.
	Reader client.Reader
	// Writer writes to the API server.
	Writer client.Client
	// Choose picks one of n actions. If it is nil, all actions are done in order, so that a run can be repeated.
	Choose func(n int) int
}

// Step carries out what kubelets and sidecars would do next, and reports whether there was anything to do.
func (p *Player) Step(ctx context.Context) (bool, error) {
	pairs, err := p.ReadAll(ctx)
	if err != nil {
		return false, err
	}
	var due []Action
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		due = append(due, pairs[name].Due()...)
	}
	if len(due) > 1 && p.Choose != nil {
		due = due[p.Choose(len(due)):][:1]
	}
	for _, do := range due {
		// The next step reads again what changed since this one did.
		if err := do(ctx, p.Writer); err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
			return true, err
		}
	}
	return len(due) > 0, nil
}

// ReadAll reads the pairs to play, by name.
func (p *Player) ReadAll(ctx context.Context) (map[string]*Pair, error) {
	if p.Pair != "" {
		pair, err := Read(ctx, p.Reader, client.ObjectKey{Namespace: p.Namespace, Name: p.Pair})
		return map[string]*Pair{p.Pair: pair}, err
	}
	pods := &corev1.PodList{}
	err := p.Reader.List(ctx, pods, client.InNamespace(p.Namespace), client.HasLabels{v1alpha1.LabelPair})
	if err != nil {
		return nil, fmt.Errorf("reading the pods: %w", err)
	}
	leases := &coordinationv1.LeaseList{}
	err = p.Reader.List(ctx, leases, client.InNamespace(p.Namespace), client.HasLabels{v1alpha1.LabelPair})
	if err != nil {
		return nil, fmt.Errorf("reading the Leases: %w", err)
	}
	reports := &v1alpha1.HAUnitList{}
	err = p.Reader.List(ctx, reports, client.InNamespace(p.Namespace), client.HasLabels{v1alpha1.LabelPair})
	if err != nil {
		return nil, fmt.Errorf("reading the HAUnits: %w", err)
	}
	pairs := map[string]*Pair{}
	of := func(name string) *Pair {
		if pairs[name] == nil {
			pairs[name] = newPair()
		}
		return pairs[name]
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		of(pod.Labels[v1alpha1.LabelPair]).Pods[v1alpha1.Unit(pod.Labels[v1alpha1.LabelUnit])] = pod
	}
	for i := range leases.Items {
		of(leases.Items[i].Name).Lease = &leases.Items[i]
	}
	for i := range reports.Items {
		object := &reports.Items[i]
		of(object.Spec.Pair).Reports[object.Spec.Unit] = object
	}
	return pairs, nil
}

// Read reads one pair.
func Read(ctx context.Context, reader client.Reader, key client.ObjectKey) (*Pair, error) {
	pair := newPair()
	for _, unit := range v1alpha1.Units() {
		pod := &corev1.Pod{}
		name := client.ObjectKey{Namespace: key.Namespace, Name: key.Name + "-" + string(unit)}
		switch err := reader.Get(ctx, name, pod); {
		case err == nil:
			pair.Pods[unit] = pod
		case !apierrors.IsNotFound(err):
			return nil, fmt.Errorf("reading the pod of unit %s: %w", unit, err)
		}
		object := &v1alpha1.HAUnit{}
		switch err := reader.Get(ctx, name, object); {
		case err == nil:
			pair.Reports[unit] = object
		case !apierrors.IsNotFound(err):
			return nil, fmt.Errorf("reading HAUnit %s: %w", name, err)
		}
	}
	lease := &coordinationv1.Lease{}
	switch err := reader.Get(ctx, key, lease); {
	case err == nil:
		pair.Lease = lease
	case !apierrors.IsNotFound(err):
		return nil, fmt.Errorf("reading the Lease: %w", err)
	}
	return pair, nil
}
