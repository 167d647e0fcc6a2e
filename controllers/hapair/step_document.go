package hapair

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/firewall/document"
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
	valid, err := validDocument(configuration, s.pair.Spec)
	if err == nil {
		err = r.checkSecrets(ctx, s, valid)
	}
	if problems := (*document.Problems)(nil); err != nil && !errors.As(err, &problems) {
		return err
	}
	if err != nil {
		return r.keepDocument(ctx, s, blocker{kind: blockerInvalidDocument, message: fmt.Sprintf(
			"FirewallConfiguration %s: %v", reference.Name, err)})
	}
	s.document, s.documentKnown = valid.JSON(), true
	return nil
}

// secretInterval is the time after which a Secret that lacks an entry is read again. The operator watches no
// Secrets of users.
const secretInterval = 10 * time.Second

// checkSecrets checks that the Secrets of the pair have what the document needs.
func (r *Reconciler) checkSecrets(ctx context.Context, s *scope, d document.Document) error {
	for _, needed := range resources.Secrets(d, s.pair.Spec) {
		secret := &corev1.Secret{}
		err := r.Live.Get(ctx, client.ObjectKey{Namespace: s.pair.Namespace, Name: needed.Name}, secret)
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("reading Secret %s: %w", needed.Name, err)
		}
		if err := needed.Check(secret.Data); err != nil {
			s.requeueAt(r.Now().Add(secretInterval))
			return err
		}
	}
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

// validDocument validates a configuration for the units of a pair and returns its document.
func validDocument(
	configuration *v1alpha1.FirewallConfiguration, spec v1alpha1.HAPairSpec,
) (document.Document, error) {
	parsed, err := resources.FirewallDocument(configuration)
	if err != nil {
		return document.Document{}, err
	}
	return parsed, resources.CheckPair(parsed, spec)
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
