package hapair

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/resources"
)

// resolveDocument finds and validates the configuration of the firewall. Only a valid one reaches the units; until then
// they keep the last valid one. A pair without a reference has no document: its own image brings a configuration.
func (r *Reconciler) resolveDocument(ctx context.Context, s *scope) error {
	reference := s.pair.Spec.Firewall.ConfigurationRef
	if reference == nil {
		s.documentKnown = true
		return nil
	}
	configuration, err := r.firewallConfiguration(ctx, client.ObjectKey{Namespace: s.pair.Namespace, Name: reference.Name})
	if err != nil {
		return err
	}
	if configuration == nil {
		return r.keepDocument(ctx, s, blocker{kind: blockerMissingDocument, message: fmt.Sprintf(
			"FirewallConfiguration %s does not exist in namespace %s; create it, or name another in "+
				"spec.firewall.configurationRef", reference.Name, s.pair.Namespace)})
	}
	valid, err := validDocument(configuration, s.pair.Spec.Networks)
	if err != nil {
		return r.keepDocument(ctx, s, blocker{kind: blockerInvalidDocument, message: fmt.Sprintf(
			"FirewallConfiguration %s: %v", reference.Name, err)})
	}
	s.document, s.documentKnown = valid, true
	return nil
}

// firewallConfiguration reads a configuration; nil if it does not exist.
func (r *Reconciler) firewallConfiguration(
	ctx context.Context, key client.ObjectKey,
) (*v1alpha1.FirewallConfiguration, error) {
	configuration := &v1alpha1.FirewallConfiguration{}
	err := r.Client.Get(ctx, key, configuration)
	if apierrors.IsNotFound(err) {
		err = r.Live.Get(ctx, key, configuration) // Created together with the pair, it may not be in the cache yet.
	}
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil //nolint:nilnil // Absence is a result here, and not an error.
	case err != nil:
		return nil, fmt.Errorf("reading FirewallConfiguration %s: %w", key.Name, err)
	default:
		return configuration, nil
	}
}

// validDocument validates a configuration for units with these networks and returns its canonical form.
func validDocument(configuration *v1alpha1.FirewallConfiguration, networks []v1alpha1.NetworkSpec) ([]byte, error) {
	parsed, err := resources.FirewallDocument(configuration)
	if err != nil {
		return nil, err
	}
	if err := parsed.Validate(resources.FirewallNetworks(networks)); err != nil {
		return nil, err
	}
	return parsed.JSON(), nil
}

// keepDocument keeps the last valid document in force and records why.
func (r *Reconciler) keepDocument(ctx context.Context, s *scope, b blocker) error {
	last, err := r.lastWritten(ctx, s.pair, resources.FirewallConfigMapName(s.pair.Name), resources.KeyFirewall)
	if err != nil {
		return err
	}
	s.document, s.documentKnown = last, last != nil
	b.fatal = last == nil
	s.block(b)
	return nil
}
