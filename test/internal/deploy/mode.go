package deploy

import (
	"context"
	"fmt"

	"github.com/hapair-io/hapair/test/poll"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
)

// SetMode sets whether connections are replicated, and waits until the pair is redundant in that mode. A change of the
// mode replaces the pods.
func (s Site) SetMode(ctx context.Context, c client.Client, key client.ObjectKey, mode hapairv1alpha1.SyncMode) error {
	return s.SetClasses(ctx, c, key, []hapairv1alpha1.SyncClass{{Name: hapairv1alpha1.ConnectionCache, Mode: mode}})
}

// SetClasses sets which classes are replicated, and waits until the pair is redundant with these. A change of the
// classes replaces the pods.
func (s Site) SetClasses(
	ctx context.Context, c client.Client, key client.ObjectKey, wanted []hapairv1alpha1.SyncClass,
) error {
	pair, policy := &hapairv1alpha1.HAPair{}, &hapairv1alpha1.SyncPolicy{}
	if err := c.Get(ctx, key, pair); err != nil {
		return err
	}
	policyKey := client.ObjectKey{Namespace: key.Namespace, Name: pair.Spec.SyncPolicyRef.Name}
	if err := c.Get(ctx, policyKey, policy); err != nil {
		return err
	}
	if !equality.Semantic.DeepEqual(policy.Spec.Classes, wanted) {
		for _, class := range wanted {
			s.Progress("Setting %s to %s", class.Name, class.Mode)
		}
		before, err := templateHashes(ctx, c, key)
		if err != nil {
			return err
		}
		policy.Spec.Classes = wanted
		if err := c.Update(ctx, policy); err != nil {
			return fmt.Errorf("setting the classes of SyncPolicy %s: %w", policyKey, err)
		}
		if err := awaitNewTemplates(ctx, c, key, before); err != nil {
			return err
		}
	}
	return s.AwaitRedundant(ctx, c, key)
}

// templateHashes returns the template hash of each of the pair's pods, by pod name.
func templateHashes(ctx context.Context, c client.Client, key client.ObjectKey) (map[string]string, error) {
	pods := &corev1.PodList{}
	err := c.List(ctx, pods, client.InNamespace(key.Namespace), client.MatchingLabels{hapairv1alpha1.LabelPair: key.Name})
	found := map[string]string{}
	for _, pod := range pods.Items {
		found[pod.Name] = pod.Annotations[hapairv1alpha1.AnnotationTemplateHash]
	}
	return found, err
}

// awaitNewTemplates waits until every pod of the pair has another template hash than before.
func awaitNewTemplates(ctx context.Context, c client.Client, key client.ObjectKey, before map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	return poll.Until(ctx, interval, "the pods of pair "+key.String()+" to be replaced", func(ctx context.Context) error {
		now, err := templateHashes(ctx, c, key)
		if err != nil {
			return err
		}
		replaced := 0
		for name, hash := range now {
			if hash != before[name] {
				replaced++
			}
		}
		if replaced != len(hapairv1alpha1.Units()) {
			return fmt.Errorf("%d pods were replaced", replaced)
		}
		return nil
	})
}
