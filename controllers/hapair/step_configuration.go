package hapair

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/owned"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/resources"
)

// ensureConfiguration writes the settings of the sidecars and the document of the firewalls, and makes the kubelets
// bring both to running units at once.
func (r *Reconciler) ensureConfiguration(ctx context.Context, s *scope) error {
	return errors.Join(r.ensureSettings(ctx, s), r.ensureDocument(ctx, s), r.annotatePods(ctx, s))
}

// ensureSettings writes the settings of the sidecars. While they are refused, by their validation or by the API server,
// the last ones stay in force: running units do not change, and a lost unit is created again with them.
func (r *Reconciler) ensureSettings(ctx context.Context, s *scope) error {
	if !s.syncKnown {
		return nil
	}
	settings, encoded, err := settingsOf(s)
	if err != nil {
		return errors.Join(err, r.keepSettings(ctx, s))
	}
	s.settings, s.encodedSettings = settings, encoded
	if err := r.ensure(ctx, s.pair, &corev1.ConfigMap{}, resources.SidecarConfigMap(s.pair, encoded)); err != nil {
		return errors.Join(err, r.keepSettings(ctx, s))
	}
	return nil
}

// settingsOf returns the settings that follow from the spec.
func settingsOf(s *scope) (contract.Settings, []byte, error) {
	settings, err := resources.Settings(s.pair, s.sync)
	if err != nil {
		return contract.Settings{}, nil, &specError{err}
	}
	encoded, err := resources.EncodeSettings(settings)
	if err != nil {
		return contract.Settings{}, nil, &specError{err}
	}
	return settings, encoded, nil
}

// keepSettings makes the last settings that were written those of new units, if there are any that can be used.
func (r *Reconciler) keepSettings(ctx context.Context, s *scope) error {
	last, err := r.lastWritten(ctx, s.pair, resources.SidecarConfigMapName(s.pair.Name), resources.KeySidecar)
	if err != nil {
		return err
	}
	if settings, err := contract.Parse(last); err == nil {
		s.settings, s.encodedSettings = settings, last
	}
	return nil
}

// ensureDocument writes the document of the firewalls. While it is refused, the last one stays in force.
func (r *Reconciler) ensureDocument(ctx context.Context, s *scope) error {
	if !s.documentKnown {
		return nil
	}
	wantedBytes := len(s.document)
	err := r.ensure(ctx, s.pair, &corev1.ConfigMap{}, resources.FirewallConfigMap(s.pair, s.document))
	refused := refusal(err)
	if foreign := (*owned.ForeignObjectError)(nil); refused == "" || s.document == nil || errors.As(err, &foreign) {
		return err
	}
	last, readErr := r.lastWritten(ctx, s.pair, resources.FirewallConfigMapName(s.pair.Name), resources.KeyFirewall)
	if last == nil {
		return errors.Join(err, readErr) // Units that are made now wait for the first document.
	}
	s.document = last
	s.block(blocker{kind: blockerInvalidDocument, message: fmt.Sprintf("FirewallConfiguration %s comes to %d bytes: %s",
		configurationOf(s.pair), wantedBytes, refused)})
	s.requeueAt(r.Now().Add(r.refusalDelay(s)))
	return nil
}

// annotatePods writes the hashes of settings and document to the pods. A kubelet checks a mounted ConfigMap about once
// a minute, but a pod that changed at once.
func (r *Reconciler) annotatePods(ctx context.Context, s *scope) error {
	if s.encodedSettings == nil || !s.documentKnown {
		return nil // Applying one hash alone would remove the other.
	}
	wanted := configurationAnnotations(s)
	var errs []error
	for _, unit := range v1alpha1.Units() {
		pod := s.facts.units[unit].pod
		if pod == nil || contains(pod.Annotations, wanted) {
			continue
		}
		if err := r.mark(ctx, markOf(pod).WithAnnotations(wanted), fieldOwnerConfiguration); err != nil {
			errs = append(errs,
				fmt.Errorf("annotating pod %s with the hashes of settings and document: %w", pod.Name, err))
		}
	}
	return errors.Join(errs...)
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
