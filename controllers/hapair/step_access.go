package hapair

import (
	"context"
	"crypto/rand"
	"errors"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/owned"
	"github.com/hapair-io/hapair/internal/resources"
)

// ensureAccess restricts who reaches the units' pods, and provides what a scraper needs to read their metrics.
func (r *Reconciler) ensureAccess(ctx context.Context, s *scope) error {
	return errors.Join(
		r.ensure(ctx, s.pair, &networkingv1.NetworkPolicy{}, resources.NetworkPolicy(s.pair)),
		r.ensureMetricsSecret(ctx, s),
	)
}

// ensureMetricsSecret provides the token of the metrics, which the units mount, and the authority of the certificates.
func (r *Reconciler) ensureMetricsSecret(ctx context.Context, s *scope) error {
	token, err := r.metricsToken(ctx, s)
	if err != nil {
		return err
	}
	unit, err := owned.ReadSecret(ctx, r.Client, s.pair, resources.UnitSecretName(s.pair.Name, v1alpha1.Primary))
	if err != nil {
		return err
	}
	wanted := resources.MetricsSecret(s.pair, token, unit.Data[resources.KeyAuthority])
	return r.ensure(ctx, s.pair, &corev1.Secret{}, wanted)
}

// metricsToken returns the existing token, or a new one. Before it makes a new one it asks the API server as well as
// the cache, since a new token locks out scrapers that have the old one.
func (r *Reconciler) metricsToken(ctx context.Context, s *scope) (string, error) {
	for _, reader := range []client.Reader{r.Client, r.Live} {
		found, err := owned.ReadSecret(ctx, reader, s.pair, resources.MetricsSecretName(s.pair.Name))
		if err != nil {
			return "", err
		}
		if token := string(found.Data[resources.KeyToken]); token != "" {
			return token, nil
		}
	}
	s.log.Info("Creating the token of the units' metrics")
	return rand.Text() + rand.Text(), nil
}
