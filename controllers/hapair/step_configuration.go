package hapair

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/resources"
)

// ensureConfiguration writes what both sidecars and both firewalls are told, and has the kubelets bring it to running
// units at once.
func (r *Reconciler) ensureConfiguration(ctx context.Context, s *scope) error {
	if s.syncKnown {
		var err error
		if s.told, err = resources.Settings(s.pair, s.sync); err != nil {
			return &specError{err}
		}
		if s.settings, err = resources.EncodeSettings(s.told); err != nil {
			return &specError{err}
		}
		wanted := resources.SidecarConfigMap(s.pair, s.settings)
		if err := r.ensure(ctx, s.pair, &corev1.ConfigMap{}, wanted); err != nil {
			return err
		}
	}
	if s.document != nil {
		wanted := resources.FirewallConfigMap(s.pair, s.document)
		if err := r.ensure(ctx, s.pair, &corev1.ConfigMap{}, wanted); err != nil {
			return err
		}
	}
	return r.announce(ctx, s)
}

// announce notes on the pods what they are told. A kubelet looks at a ConfigMap that it mounted only every minute or
// so, but at a pod that changed at once.
func (r *Reconciler) announce(ctx context.Context, s *scope) error {
	if s.settings == nil || s.document == nil {
		return nil // Half of it would take the other half's hash off.
	}
	wanted := announced(s)
	for _, unit := range v1alpha1.Units() {
		pod := s.facts.units[unit].pod
		if pod == nil || contains(pod.Annotations, wanted) {
			continue
		}
		if err := r.mark(ctx, markOf(pod).WithAnnotations(wanted), fieldOwnerConfiguration); err != nil {
			return fmt.Errorf("announcing settings and document to pod %s: %w", pod.Name, err)
		}
	}
	return nil
}

// announced are the annotations that say what a unit is told.
func announced(s *scope) map[string]string {
	return map[string]string{
		v1alpha1.AnnotationConfigurationHash: document.Hash(s.document),
		v1alpha1.AnnotationSettingsHash:      resources.SettingsHash(s.settings),
	}
}

// contains tells whether all of the wanted annotations are there.
func contains(annotations, wanted map[string]string) bool {
	for name, value := range wanted {
		if annotations[name] != value {
			return false
		}
	}
	return true
}
