package certificates

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/owned"
	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/internal/resources"
)

func (m *Manager) ensure(ctx context.Context, q *request) error {
	seen, err := m.readUnits(ctx, m.Client, q)
	if err != nil {
		return err
	}
	from, err := m.signer(ctx, q, seen)
	if err != nil || from == nil {
		return err
	}
	plan := seen.Exchange(offers(from, seen))
	if plan.Changes {
		// The cache may be stale, and the change may replace a certificate that is still good.
		if seen, err = m.readUnits(ctx, m.Live, q); err != nil {
			return err
		}
		plan = seen.Exchange(offers(from, seen))
	}
	if plan.RecheckIn > 0 {
		q.result.checkAt(m.Now().Add(plan.RecheckIn))
	}
	var errs []error
	for i, unit := range v1alpha1.Units() {
		e := exchange{unit: unit, own: seen.Units[i], move: plan.Actions[i], trusted: plan.Trusted}
		existed, err := m.exchange(ctx, q, seen, from, e)
		if err == nil && !existed && e.move != credentials.Take {
			// The Secret was deleted after it was read, which is how an administrator requests a new certificate.
			e.move = credentials.Take
			_, err = m.exchange(ctx, q, seen, from, e)
		}
		errs = append(errs, err) // A refused Secret does not keep the other unit from getting its own.
	}
	return errors.Join(errs...)
}

// exchange is the change of one unit's Secret.
type exchange struct {
	unit    v1alpha1.Unit
	own     credentials.Unit
	move    credentials.Action
	trusted []byte
}

// exchange writes the unit's Secret, and reports whether the Secret existed before.
func (m *Manager) exchange(
	ctx context.Context, q *request, seen credentials.Observation, from signer, e exchange,
) (existed bool, err error) {
	held := e.own.Held
	if e.move == credentials.Take {
		log.FromContext(ctx).Info("Exchanging the certificate of a unit", "unit", e.unit)
		if held, err = from.certificate(seen, e.own); err != nil {
			return false, err
		}
	}
	current, wanted := &corev1.Secret{}, resources.UnitSecret(q.pair, e.unit, held.Certificate, held.Key, e.trusted)
	if _, err := m.objects().Ensure(ctx, q.pair, current, wanted); err != nil {
		return false, err
	}
	if e.move == credentials.Take && len(e.own.Held.Certificate) > 0 {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: q.pair.Namespace, Name: *wanted.GetName()}}
		m.Notifier.CertificateExchanged(q.pair, secret, fmt.Sprintf(
			"Exchanged the certificate of unit %s, which shows it from its next session on", e.unit))
	}
	if at, ok := from.renewal(held); ok && e.move != credentials.Wait {
		q.result.checkAt(at)
	}
	return current.UID != "", nil
}

// signer signs the units' certificates.
type signer interface {
	// offer returns what a unit should have.
	offer(unit credentials.Unit, now time.Time) credentials.Offer
	// certificate returns what replaces the certificate that a unit has.
	certificate(seen credentials.Observation, unit credentials.Unit) (credentials.KeyPair, error)
	// renewal returns when a unit's certificate has to be replaced. It returns false if the signer does not decide that.
	renewal(held credentials.KeyPair) (time.Time, bool)
}

// signer returns who signs, or nil while nobody can. The result then has what is pending.
func (m *Manager) signer(ctx context.Context, q *request, seen credentials.Observation) (signer, error) {
	if issuer := q.pair.Issuer(); issuer != nil {
		return m.issuer(ctx, q, *issuer)
	}
	if err := m.deleteCertificates(ctx, q); err != nil {
		return nil, err
	}
	return m.authority(ctx, q, seen)
}

func offers(from signer, seen credentials.Observation) (offers [2]credentials.Offer) {
	for i, unit := range seen.Units {
		offers[i] = from.offer(unit, seen.Now)
	}
	return offers
}

// readUnits reads both units' Secrets, and for how long their content has been unchanged. While a kubelet may be out of
// touch that is zero, since the kubelet would not have updated the files of its unit.
func (m *Manager) readUnits(
	ctx context.Context, reader client.Reader, q *request,
) (seen credentials.Observation, err error) {
	seen.Now, seen.InSession = m.Now(), q.observed.InSession
	content, inTouch := sha256.New(), true
	for i, unit := range v1alpha1.Units() {
		secret, err := owned.ReadSecret(ctx, reader, q.pair, resources.UnitSecretName(q.pair.Name, unit))
		if err != nil {
			return seen, err
		}
		seen.Units[i] = credentials.Unit{
			Name: credentials.UnitName(string(unit), q.pair.Name, q.pair.Namespace),
			Held: keyPairOf(secret), Trusted: secret.Data[resources.KeyAuthority],
		}
		_, _ = fmt.Fprintf(content, "%s %q %q", secret.UID, seen.Units[i].Held.Certificate, seen.Units[i].Trusted)
		if pod, ok := q.observed.Units[unit]; ok {
			inTouch = inTouch && pod.Useful
			_, _ = fmt.Fprintf(content, " %s", pod.UID)
		}
	}
	_, _ = fmt.Fprintf(content, " %v %s", inTouch, q.pair.UID) // writing to a hash never fails
	unchanged := m.Memory.unchanged(client.ObjectKeyFromObject(q.pair), string(content.Sum(nil)), seen.Now)
	if inTouch {
		seen.Unchanged = unchanged
	}
	return seen, nil
}

func keyPairOf(secret *corev1.Secret) credentials.KeyPair {
	return credentials.KeyPair{
		Certificate: secret.Data[resources.KeyCertificate], Key: secret.Data[resources.KeyPrivate],
	}
}
