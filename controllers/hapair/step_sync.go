package hapair

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/resources"
)

// resolveSync finds out what the pair replicates. While its SyncPolicy does not exist, the pair continues to replicate
// what it did.
func (r *Reconciler) resolveSync(ctx context.Context, s *scope) error {
	policy, missing, err := r.policy(ctx, s.pair)
	if err != nil {
		return err
	}
	if missing {
		return r.keepSync(ctx, s, fmt.Sprintf("SyncPolicy %s does not exist in namespace %s",
			s.pair.Spec.SyncPolicyRef.Name, s.pair.Namespace), "create it")
	}
	sync, err := resources.Sync(policy)
	if err != nil {
		return r.keepSync(ctx, s, fmt.Sprintf("SyncPolicy %s: %v", policy.Name, err), "correct it")
	}
	s.sync, s.syncKnown = sync, true
	return nil
}

// policy returns the SyncPolicy that the pair names, nil if it names none.
func (r *Reconciler) policy(
	ctx context.Context, pair *v1alpha1.HAPair,
) (_ *v1alpha1.SyncPolicy, missing bool, _ error) {
	reference := pair.Spec.SyncPolicyRef
	if reference == nil {
		return nil, false, nil
	}
	policy := &v1alpha1.SyncPolicy{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: pair.Namespace, Name: reference.Name}, policy)
	switch {
	case apierrors.IsNotFound(err):
		return nil, true, nil
	case err != nil:
		return nil, false, fmt.Errorf("reading SyncPolicy %s: %w", reference.Name, err)
	default:
		return policy, false, nil
	}
}

// keepSync keeps the last settings in force and records why, and what a person can do.
func (r *Reconciler) keepSync(ctx context.Context, s *scope, why, remedy string) error {
	last, err := r.lastWritten(ctx, s.pair, resources.SidecarConfigMapName(s.pair.Name), resources.KeySidecar)
	if err != nil {
		return err
	}
	// Settings that cannot be parsed are treated as missing; the next valid ones replace them.
	if settings, err := contract.Parse(last); len(last) > 0 && err == nil {
		s.sync, s.syncKnown = settings.Sync, true
	}
	if s.syncKnown {
		s.block(blocker{kind: blockerSyncPolicy, message: why +
			"; the pair continues to replicate what it did. " + upperFirst(remedy) + ", or remove spec.syncPolicyRef"})
		return nil
	}
	s.block(blocker{kind: blockerSyncPolicy, fatal: true, message: why + "; " + remedy +
		", or remove spec.syncPolicyRef to replicate what is replicated by default"})
	return nil
}

// lastWritten returns what the operator last wrote to a ConfigMap of the pair, nil if nothing. The cache does not hold
// the content.
func (r *Reconciler) lastWritten(ctx context.Context, pair *v1alpha1.HAPair, name, key string) ([]byte, error) {
	written := &corev1.ConfigMap{}
	err := r.Live.Get(ctx, client.ObjectKey{Namespace: pair.Namespace, Name: name}, written)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("reading the last valid content of ConfigMap %s: %w", name, err)
	}
	if content, ok := written.Data[key]; ok {
		return []byte(content), nil
	}
	return nil, nil
}
