package hapair

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/resources"
)

// ensureConfiguration writes what both sidecars and both firewalls are told, and has the kubelets bring it to running
// units at once.
func (r *Reconciler) ensureConfiguration(ctx context.Context, s *scope) error {
	if s.syncKnown {
		told, err := resources.Settings(s.pair, s.sync)
		if err != nil {
			return &specError{err}
		}
		if s.settings, err = resources.EncodeSettings(told); err != nil {
			return &specError{err}
		}
		wanted := resources.SidecarConfigMap(s.pair, s.settings)
		if err := ensure(ctx, r, s.pair, &corev1.ConfigMap{}, wanted, corev1ac.ExtractConfigMap); err != nil {
			return err
		}
	}
	if s.document == nil {
		return nil
	}
	wanted := resources.FirewallConfigMap(s.pair, s.document)
	if err := ensure(ctx, r, s.pair, &corev1.ConfigMap{}, wanted, corev1ac.ExtractConfigMap); err != nil {
		return err
	}
	return r.announceDocument(ctx, s)
}

// announceDocument notes the document's hash on the pods. A kubelet looks at a ConfigMap that it mounted only every
// minute or so, but at a pod that changed at once.
func (r *Reconciler) announceDocument(ctx context.Context, s *scope) error {
	hash := document.Hash(s.document)
	for _, unit := range v1alpha1.Units() {
		pod := s.facts.units[unit].pod
		if pod == nil || pod.Annotations[v1alpha1.AnnotationConfigurationHash] == hash {
			continue
		}
		mark := markOf(pod).WithAnnotations(map[string]string{v1alpha1.AnnotationConfigurationHash: hash})
		if err := r.mark(ctx, mark, fieldOwnerConfiguration); err != nil {
			return fmt.Errorf("announcing the document to pod %s: %w", pod.Name, err)
		}
	}
	return nil
}
