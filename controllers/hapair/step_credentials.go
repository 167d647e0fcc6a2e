package hapair

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/internal/resources"
)

// ensureCredentials gives each unit a certificate by which its peer recognises it. Package credentials plans how
// certificates and authorities are exchanged so that it does at every instant, wherever the certificates come from.
func (r *Reconciler) ensureCredentials(ctx context.Context, s *scope) error {
	seen, err := r.seeCredentials(ctx, r.Client, s)
	if err != nil {
		return err
	}
	from, err := r.signer(ctx, s, seen)
	if err != nil || from == nil {
		return err
	}
	plan := seen.Exchange(offers(from, seen))
	if plan.Changes {
		// The cache may be behind, and what is written takes the place of what may be good.
		if seen, err = r.seeCredentials(ctx, r.Live, s); err != nil {
			return err
		}
		plan = seen.Exchange(offers(from, seen))
	}
	if plan.LookIn > 0 {
		s.lookAgain(r.Now().Add(plan.LookIn))
	}
	for i, unit := range v1alpha1.Units() {
		e := exchange{unit: unit, own: seen.Units[i], move: plan.Moves[i], trusted: plan.Trusted}
		there, err := r.exchange(ctx, s, seen, from, e)
		if err == nil && !there && e.move != credentials.Take {
			// It was deleted after it was seen: whoever did that wants another.
			e.move = credentials.Take
			_, err = r.exchange(ctx, s, seen, from, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// exchange is what becomes of what one unit has.
type exchange struct {
	unit    v1alpha1.Unit
	own     credentials.Unit
	move    credentials.Move
	trusted []byte
}

// exchange carries it out, and tells whether the unit's Secret was there before.
func (r *Reconciler) exchange(
	ctx context.Context, s *scope, seen credentials.Sight, from signer, e exchange,
) (there bool, err error) {
	held := e.own.Held
	if e.move == credentials.Take {
		s.log.Info("Exchanging the certificate of a unit", "unit", e.unit)
		if held, err = from.certificate(seen, e.own); err != nil {
			return false, err
		}
	}
	live, wanted := &corev1.Secret{}, resources.UnitSecret(s.pair, e.unit, held.Certificate, held.Key, e.trusted)
	if err := r.ensure(ctx, s.pair, live, wanted); err != nil {
		return false, err
	}
	if e.move == credentials.Take && len(e.own.Held.Certificate) > 0 {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.pair.Namespace, Name: *wanted.GetName()}}
		r.tell(s.pair, secret, noticeCertificateExchanged,
			"Exchanged the certificate of unit %s, which shows it from its next session on", e.unit)
	}
	if at, ok := from.renewal(held); ok && e.move != credentials.Wait {
		s.lookAgain(at)
	}
	return live.UID != "", nil
}

// signer is who signs the units' certificates.
type signer interface {
	// offer is what a unit is to have.
	offer(seen credentials.Unit, now time.Time) credentials.Offer
	// certificate is what a unit takes in place of what it has.
	certificate(seen credentials.Sight, unit credentials.Unit) (credentials.KeyPair, error)
	// renewal is when a certificate that a unit has will be no longer what it should have; false when nobody here knows.
	renewal(held credentials.KeyPair) (time.Time, bool)
}

// signer is nil while there is none that could sign; the scope then says what is awaited, and the units keep what they
// have.
func (r *Reconciler) signer(ctx context.Context, s *scope, seen credentials.Sight) (signer, error) {
	if issuer := s.pair.Issuer(); issuer != nil {
		return r.issuer(ctx, s, *issuer)
	}
	if err := r.releaseCertificates(ctx, s); err != nil {
		return nil, err
	}
	return r.authority(ctx, s, seen)
}

func offers(from signer, seen credentials.Sight) (offers [2]credentials.Offer) {
	for i, unit := range seen.Units {
		offers[i] = from.offer(unit, seen.Now)
	}
	return offers
}

// seeCredentials sees what the units' Secrets hold, and for how long they have stood so. While the kubelet of a unit
// may be out of touch that is no time at all: it would not have brought what it should.
func (r *Reconciler) seeCredentials(
	ctx context.Context, reader client.Reader, s *scope,
) (seen credentials.Sight, err error) {
	seen.Now, seen.InSession = r.Now(), s.facts.synchronized()
	stands, inTouch := sha256.New(), true
	for i, unit := range v1alpha1.Units() {
		secret, err := readSecret(ctx, reader, s.pair, resources.UnitSecretName(s.pair.Name, unit))
		if err != nil {
			return seen, err
		}
		seen.Units[i] = credentials.Unit{
			Name: credentials.UnitName(string(unit), s.pair.Name, s.pair.Namespace),
			Held: keyPairOf(secret), Trusted: secret.Data[resources.KeyAuthority],
		}
		own := s.facts.units[unit]
		inTouch = inTouch && (!own.exists() || own.useful())
		_, _ = fmt.Fprintf(stands, "%s %q %q", secret.UID, seen.Units[i].Held.Certificate, seen.Units[i].Trusted)
		if own.exists() {
			_, _ = fmt.Fprintf(stands, " %s", own.pod.UID)
		}
	}
	_, _ = fmt.Fprintf(stands, " %v %s", inTouch, s.pair.UID) // a hash takes whatever it is given
	unchanged := r.memory.unchanged(client.ObjectKeyFromObject(s.pair), string(stands.Sum(nil)), seen.Now)
	if inTouch {
		seen.Unchanged = unchanged
	}
	return seen, nil
}

// readSecret gives an empty one when there is no such Secret.
func readSecret(
	ctx context.Context, reader client.Reader, pair *v1alpha1.HAPair, name string,
) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	err := reader.Get(ctx, client.ObjectKey{Namespace: pair.Namespace, Name: name}, secret)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("reading Secret %s: %w", name, err)
	}
	return secret, nil
}

func keyPairOf(secret *corev1.Secret) credentials.KeyPair {
	return credentials.KeyPair{
		Certificate: secret.Data[resources.KeyCertificate], Key: secret.Data[resources.KeyPrivate],
	}
}
