package hapair

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/resources"
)

// ensureConfiguration writes the settings of the sidecars and the document of the firewalls, and makes the kubelets
// bring both to running units at once.
func (r *Reconciler) ensureConfiguration(ctx context.Context, s *scope) error {
	if s.syncKnown {
		var err error
		if s.settings, err = resources.Settings(s.pair, s.sync); err != nil {
			return &specError{err}
		}
		if s.encodedSettings, err = resources.EncodeSettings(s.settings); err != nil {
			return &specError{err}
		}
		wanted := resources.SidecarConfigMap(s.pair, s.encodedSettings)
		if err := r.ensure(ctx, s.pair, &corev1.ConfigMap{}, wanted); err != nil {
			return err
		}
	}
	if s.documentKnown {
		wanted := resources.FirewallConfigMap(s.pair, s.document)
		if err := r.ensure(ctx, s.pair, &corev1.ConfigMap{}, wanted); err != nil {
			return err
		}
	}
	return r.annotatePods(ctx, s)
}

// annotatePods writes the hashes of settings and document to the pods. A kubelet checks a mounted ConfigMap about once
// a minute, but a pod that changed at once.
func (r *Reconciler) annotatePods(ctx context.Context, s *scope) error {
	if s.encodedSettings == nil || !s.documentKnown {
		return nil // Applying one hash alone would remove the other.
	}
	wanted := configurationAnnotations(s)
	for _, unit := range v1alpha1.Units() {
		pod := s.facts.units[unit].pod
		if pod == nil || contains(pod.Annotations, wanted) {
			continue
		}
		if err := r.mark(ctx, markOf(pod).WithAnnotations(wanted), fieldOwnerConfiguration); err != nil {
			return fmt.Errorf("annotating pod %s with the hashes of settings and document: %w", pod.Name, err)
		}
	}
	return nil
}

// configurationAnnotations returns the hashes of what a unit should have read.
func configurationAnnotations(s *scope) map[string]string {
	return map[string]string{
		v1alpha1.AnnotationConfigurationHash: document.Hash(s.document),
		v1alpha1.AnnotationSettingsHash:      resources.SettingsHash(s.encodedSettings),
	}
}

// contains reports whether all of the wanted annotations are present.
func contains(annotations, wanted map[string]string) bool {
	for name, value := range wanted {
		if annotations[name] != value {
			return false
		}
	}
	return true
}
