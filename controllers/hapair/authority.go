package hapair

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/internal/resources"
)

// ownAuthority is the authority of a pair, as signer of its units' certificates.
type ownAuthority credentials.KeyPair

func (a ownAuthority) offer(seen credentials.Unit, now time.Time) credentials.Offer {
	verdict := credentials.JudgeUnit(seen.Held, a.Certificate, seen.Name, now)
	return credentials.Offer{Authorities: a.Certificate, Held: verdict == credentials.Usable}
}

func (a ownAuthority) certificate(seen credentials.Sight, unit credentials.Unit) (credentials.KeyPair, error) {
	return credentials.Issue(credentials.KeyPair(a), unit.Name, seen.Now, seen.Held()...)
}

func (ownAuthority) renewal(held credentials.KeyPair) (time.Time, bool) {
	return credentials.RenewAt(held)
}

// authority is the pair's own, which is made anew when it is of no use any more. The Secret holds the one alone that
// signs now; of those before, the units' Secrets hold what is still trusted.
func (r *Reconciler) authority(ctx context.Context, s *scope, seen credentials.Sight) (signer, error) {
	found, verdict, err := r.judgeAuthority(ctx, s.pair, seen.Now)
	if err != nil {
		return nil, err
	}
	if verdict != credentials.Usable {
		// The cache may be behind, and what is made takes the place of what may be good.
		if seen, err = r.seeCredentials(ctx, r.Live, s); err != nil {
			return nil, err
		}
	}
	due := seen.AuthorityDue(found, verdict)
	if !due {
		if verdict != credentials.Usable {
			s.lookAgain(seen.Now.Add(credentials.Overlap))
		}
		there, err := r.ensureAuthority(ctx, s.pair, found)
		if err != nil || there {
			return ownAuthority(found), err
		}
		verdict = credentials.Missing // It was deleted after it was seen: whoever did that wants another.
	}
	s.log.Info("Making the authority of the pair", "found", verdict.String())
	domain := credentials.Domain(s.pair.Name, s.pair.Namespace)
	if found, err = credentials.NewAuthority(domain, seen.Now, seen.Held()...); err != nil {
		return nil, err
	}
	if _, err := r.ensureAuthority(ctx, s.pair, found); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(seen.Held(), func(held credentials.KeyPair) bool { return len(held.Certificate) > 0 }) {
		r.tell(s.pair, nil, noticeAuthorityExchanged,
			"Made a new authority of the pair, since the former was %s; the units trust both while they exchange their "+
				"certificates", verdict)
	}
	return ownAuthority(found), nil
}

// ensureAuthority tells whether the authority's Secret was there before.
func (r *Reconciler) ensureAuthority(
	ctx context.Context, pair *v1alpha1.HAPair, authority credentials.KeyPair,
) (there bool, _ error) {
	live, wanted := &corev1.Secret{}, resources.AuthoritySecret(pair, authority.Certificate, authority.Key)
	err := r.ensure(ctx, pair, live, wanted)
	return live.UID != "", err
}

// judgeAuthority judges what the authority's Secret holds. Bad news from the cache is asked again of the API server.
func (r *Reconciler) judgeAuthority(
	ctx context.Context, pair *v1alpha1.HAPair, now time.Time,
) (found credentials.KeyPair, verdict credentials.Verdict, err error) {
	domain := credentials.Domain(pair.Name, pair.Namespace)
	for _, reader := range []client.Reader{r.Client, r.Live} {
		secret, err := readSecret(ctx, reader, pair, resources.AuthoritySecretName(pair.Name))
		if err != nil {
			return found, verdict, err
		}
		found = keyPairOf(secret)
		if verdict = credentials.JudgeAuthority(found, domain, now); verdict == credentials.Usable {
			break
		}
	}
	return found, verdict, nil
}
