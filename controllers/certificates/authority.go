package certificates

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/owned"
	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/internal/resources"
)

// ownAuthority is the pair's own authority, as signer of its units' certificates.
type ownAuthority credentials.KeyPair

func (a ownAuthority) offer(unit credentials.Unit, now time.Time) credentials.Offer {
	verdict := credentials.CheckUnit(unit.Held, a.Certificate, unit.Name, now)
	return credentials.Offer{Authorities: a.Certificate, Held: verdict == credentials.Usable}
}

func (a ownAuthority) certificate(seen credentials.Observation, unit credentials.Unit) (credentials.KeyPair, error) {
	return credentials.Issue(credentials.KeyPair(a), unit.Name, seen.Now, seen.Held()...)
}

func (ownAuthority) renewal(held credentials.KeyPair) (time.Time, bool) {
	return credentials.RenewAt(held)
}

// authority returns the pair's own authority. It makes a new one if the present one is no longer usable. The
// authority's Secret holds only the one that signs now; the units' Secrets hold earlier ones while they are trusted.
func (m *Manager) authority(ctx context.Context, q *request, seen credentials.Observation) (signer, error) {
	found, verdict, err := m.readAuthority(ctx, q.pair, seen.Now)
	if err != nil {
		return nil, err
	}
	if verdict != credentials.Usable {
		// The cache may be stale, and a new authority may replace one that is still good.
		if seen, err = m.readUnits(ctx, m.Live, q); err != nil {
			return nil, err
		}
	}
	if !seen.IsAuthorityDue(found, verdict) {
		if verdict != credentials.Usable {
			q.result.checkAt(seen.Now.Add(credentials.Overlap))
		}
		existed, err := m.ensureAuthority(ctx, q.pair, found)
		if err != nil || existed {
			return ownAuthority(found), err
		}
		// The Secret was deleted after it was read, which is how an administrator requests a new authority.
		verdict = credentials.Missing
	}
	return m.newAuthority(ctx, q, seen, verdict)
}

// newAuthority makes an authority that replaces one with this verdict.
func (m *Manager) newAuthority(
	ctx context.Context, q *request, seen credentials.Observation, verdict credentials.Verdict,
) (signer, error) {
	log.FromContext(ctx).Info("Creating the authority of the pair", "found", verdict.String())
	domain := credentials.Domain(q.pair.Name, q.pair.Namespace)
	made, err := credentials.NewAuthority(domain, seen.Now, seen.Held()...)
	if err != nil {
		return nil, err
	}
	if _, err := m.ensureAuthority(ctx, q.pair, made); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(seen.Held(), func(held credentials.KeyPair) bool { return len(held.Certificate) > 0 }) {
		m.Notifier.AuthorityExchanged(q.pair, fmt.Sprintf(
			"Created a new authority of the pair, since the previous one was %s; the units trust both while they exchange "+
				"their certificates", verdict))
	}
	return ownAuthority(made), nil
}

// ensureAuthority writes the authority's Secret, and reports whether the Secret existed before.
func (m *Manager) ensureAuthority(
	ctx context.Context, pair *v1alpha1.HAPair, authority credentials.KeyPair,
) (existed bool, _ error) {
	current, wanted := &corev1.Secret{}, resources.AuthoritySecret(pair, authority.Certificate, authority.Key)
	_, err := m.objects().Ensure(ctx, pair, current, wanted)
	return current.UID != "", err
}

// readAuthority reads and judges the authority's Secret. If the cached one is not usable it reads from the API server.
func (m *Manager) readAuthority(
	ctx context.Context, pair *v1alpha1.HAPair, now time.Time,
) (found credentials.KeyPair, verdict credentials.Verdict, err error) {
	domain := credentials.Domain(pair.Name, pair.Namespace)
	for _, reader := range []client.Reader{m.Client, m.Live} {
		secret, err := owned.ReadSecret(ctx, reader, pair, resources.AuthoritySecretName(pair.Name))
		if err != nil {
			return found, verdict, err
		}
		found = keyPairOf(secret)
		if verdict = credentials.CheckAuthority(found, domain, now); verdict == credentials.Usable {
			break
		}
	}
	return found, verdict, nil
}
