package hapair

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/internal/resources"
)

// ensureCredentials gives the pair an authority, and each unit a certificate of it. What is still of use is kept: a new
// authority makes both units strangers to each other until both have its certificates.
func (r *Reconciler) ensureCredentials(ctx context.Context, s *scope) error {
	authority, err := r.authority(ctx, s)
	if err != nil {
		return err
	}
	wanted := resources.AuthoritySecret(s.pair, authority.Certificate, authority.Key)
	if err := ensure(ctx, r, s.pair, &corev1.Secret{}, wanted, corev1ac.ExtractSecret); err != nil {
		return err
	}
	for _, unit := range v1alpha1.Units() {
		own, err := r.certificate(ctx, s, unit, authority)
		if err != nil {
			return err
		}
		wanted := resources.UnitSecret(s.pair, unit, own.Certificate, own.Key, authority.Certificate)
		if err := ensure(ctx, r, s.pair, &corev1.Secret{}, wanted, corev1ac.ExtractSecret); err != nil {
			return err
		}
		if at, ok := credentials.RenewAt(own); ok {
			s.lookAgain(at)
		}
	}
	return nil
}

func (r *Reconciler) authority(ctx context.Context, s *scope) (credentials.KeyPair, error) {
	domain := credentials.Domain(s.pair.Name, s.pair.Namespace)
	judge := func(found credentials.KeyPair) credentials.Verdict {
		return credentials.JudgeAuthority(found, domain, r.Now())
	}
	found, verdict, err := r.judgeSecret(ctx, s.pair, resources.AuthoritySecretName(s.pair.Name), judge)
	if err != nil || verdict == credentials.Usable {
		return found, err
	}
	s.log.Info("Making the authority of the pair", "found", verdict.String())
	return credentials.NewAuthority(domain, r.Now())
}

func (r *Reconciler) certificate(
	ctx context.Context, s *scope, unit v1alpha1.Unit, authority credentials.KeyPair,
) (credentials.KeyPair, error) {
	name := credentials.UnitName(string(unit), s.pair.Name, s.pair.Namespace)
	judge := func(found credentials.KeyPair) credentials.Verdict {
		return credentials.JudgeUnit(found, authority.Certificate, name, r.Now())
	}
	found, verdict, err := r.judgeSecret(ctx, s.pair, resources.UnitSecretName(s.pair.Name, unit), judge)
	if err != nil || verdict == credentials.Usable {
		return found, err
	}
	s.log.Info("Issuing the certificate of a unit", "unit", unit, "found", verdict.String())
	return credentials.Issue(authority, name, r.Now())
}

// judgeSecret judges what a Secret holds. Bad news from the cache is asked again of the API server, since acting on it
// throws away what may be good.
func (r *Reconciler) judgeSecret(
	ctx context.Context, pair *v1alpha1.HAPair, name string, judge func(credentials.KeyPair) credentials.Verdict,
) (credentials.KeyPair, credentials.Verdict, error) {
	found, err := readKeyPair(ctx, r.Client, pair, name)
	if err != nil {
		return found, credentials.Missing, err
	}
	if verdict := judge(found); verdict == credentials.Usable {
		return found, verdict, nil
	}
	found, err = readKeyPair(ctx, r.Live, pair, name)
	if err != nil {
		return found, credentials.Missing, err
	}
	return found, judge(found), nil
}

// readKeyPair gives an empty one when there is no such Secret.
func readKeyPair(
	ctx context.Context, reader client.Reader, pair *v1alpha1.HAPair, name string,
) (credentials.KeyPair, error) {
	secret := &corev1.Secret{}
	err := reader.Get(ctx, client.ObjectKey{Namespace: pair.Namespace, Name: name}, secret)
	if client.IgnoreNotFound(err) != nil {
		return credentials.KeyPair{}, fmt.Errorf("reading Secret %s: %w", name, err)
	}
	return credentials.KeyPair{
		Certificate: secret.Data[resources.KeyCertificate], Key: secret.Data[resources.KeyPrivate],
	}, nil
}
