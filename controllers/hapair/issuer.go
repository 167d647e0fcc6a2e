package hapair

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/apply"
	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/internal/resources"
)

// certificateInterval is after which cert-manager is looked to again. Its Certificates are not watched: a watch of a
// kind that the cluster may not know would keep the operator from starting.
const certificateInterval = 5 * time.Second

// unwatched goes with every write of a Certificate. The client would otherwise begin to watch the kind, so as to show
// in its cache what it wrote.
const unwatched = client.DisableReadYourWritesConsistency

// awaited is what the pair's certificates wait for.
type awaited struct{ reason, message string }

// issued are certificates that cert-manager issued, those of both units, as signer.
type issued map[string]issuedCertificate // by the unit's DNS name

type issuedCertificate struct {
	own credentials.KeyPair
	// authorities are those by which the peer can verify it, in PEM.
	authorities []byte
}

func (i issued) offer(seen credentials.Unit, _ time.Time) credentials.Offer {
	offered := i[seen.Name]
	return credentials.Offer{
		Authorities: offered.authorities,
		Held: bytes.Equal(seen.Held.Certificate, offered.own.Certificate) &&
			bytes.Equal(seen.Held.Key, offered.own.Key),
	}
}

func (i issued) certificate(_ credentials.Sight, unit credentials.Unit) (credentials.KeyPair, error) {
	return i[unit.Name].own, nil
}

func (issued) renewal(credentials.KeyPair) (time.Time, bool) { return time.Time{}, false }

// issuer has cert-manager issue a certificate for each unit, and gives them when both are there.
func (r *Reconciler) issuer(ctx context.Context, s *scope, issuer v1alpha1.IssuerReference) (signer, error) {
	r.memory.release(client.ObjectKeyFromObject(s.pair), "")
	both := issued{}
	var waits []string
	for _, unit := range v1alpha1.Units() {
		wait, err := r.ensureCertificate(ctx, s, resources.Certificate(s.pair, unit, issuer))
		switch {
		case meta.IsNoMatchError(err):
			s.await(certificateInterval, r.Now(), v1alpha1.ReasonBlocked, "the cluster does not know the kind Certificate of "+
				"cert-manager.io/v1; install cert-manager, or remove spec.certificates.issuerRef")
			return nil, nil
		case err != nil:
			return nil, err
		}
		if wait == "" {
			name := credentials.UnitName(string(unit), s.pair.Name, s.pair.Namespace)
			if both[name], wait, err = r.readIssued(ctx, s.pair, unit, name); err != nil {
				return nil, err
			}
		}
		if wait != "" {
			waits = append(waits, wait)
		}
	}
	if len(waits) > 0 {
		s.await(certificateInterval, r.Now(), v1alpha1.ReasonCertificatesPending, strings.Join(waits, "; "))
		return nil, nil
	}
	return both, nil
}

// await notes what the certificates wait for, and has the pair looked at again.
func (s *scope) await(interval time.Duration, now time.Time, reason, message string) {
	s.log.V(1).Info("Waiting for certificates", "why", message)
	s.awaited = &awaited{reason: reason, message: upper(message)}
	s.lookAgain(now.Add(interval))
}

// ensureCertificate makes a Certificate what it should be, and says what is to be waited for; nothing when cert-manager
// says that it is issued as it is now. It writes only when something that is wanted is not so.
func (r *Reconciler) ensureCertificate(
	ctx context.Context, s *scope, wanted *unstructured.Unstructured,
) (wait string, _ error) {
	what := fmt.Sprintf("Certificate %s", client.ObjectKeyFromObject(wanted))
	live, err := r.readCertificate(ctx, client.ObjectKeyFromObject(wanted))
	switch {
	case err != nil:
		return "", err
	case live != nil && !metav1.IsControlledBy(live, s.pair):
		return "", &foreignObjectError{what: what}
	case live != nil && covers(live.Object["spec"], wanted.Object["spec"]) &&
		covers(labelsOf(live), labelsOf(wanted)):
		return unissued(live), nil
	}
	s.log.Info("Asking cert-manager for the certificate of a unit", "certificate", wanted.GetName())
	configuration := client.ApplyConfigurationFromUnstructured(wanted)
	if err := r.Client.Apply(ctx, configuration, apply.FieldOwner, client.ForceOwnership, unwatched); err != nil {
		return "", fmt.Errorf("applying %s: %w", what, err)
	}
	return what + " was only just asked for", nil
}

// readCertificate gives nil when there is none.
func (r *Reconciler) readCertificate(ctx context.Context, key client.ObjectKey) (*unstructured.Unstructured, error) {
	certificate := &unstructured.Unstructured{}
	certificate.SetGroupVersionKind(resources.CertificateKind)
	switch err := r.Live.Get(ctx, key, certificate); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading Certificate %s: %w", key, err)
	default:
		return certificate, nil
	}
}

// unissued is what cert-manager says of a Certificate that is not issued as it is now; empty when it is.
func unissued(certificate *unstructured.Unstructured) string {
	status := struct {
		Conditions []metav1.Condition `json:"conditions"`
	}{}
	if found, ok := certificate.Object["status"].(map[string]any); ok {
		// What cannot be read says nothing.
		_ = runtime.DefaultUnstructuredConverter.FromUnstructured(found, &status)
	}
	says := "nothing about it yet; if that stays so, see that cert-manager runs"
	ready := meta.FindStatusCondition(status.Conditions, "Ready")
	switch issuing := meta.FindStatusCondition(status.Conditions, "Issuing"); {
	case ready == nil:
	case ready.ObservedGeneration != 0 && ready.ObservedGeneration < certificate.GetGeneration():
		says = "nothing about its latest change yet"
	case ready.Status == metav1.ConditionTrue:
		return ""
	case issuing != nil && issuing.Status == metav1.ConditionFalse:
		says = issuing.Reason + colon(issuing.Message)
	default:
		says = ready.Reason + colon(ready.Message)
	}
	return fmt.Sprintf("Certificate %s/%s is not ready, cert-manager says %s; \"kubectl describe certificate %[2]s\" has "+
		"more, as have its CertificateRequests and the issuer", certificate.GetNamespace(), certificate.GetName(), says)
}

// readIssued reads what cert-manager issued for a unit, and says what is wrong with it.
func (r *Reconciler) readIssued(
	ctx context.Context, pair *v1alpha1.HAPair, unit v1alpha1.Unit, name string,
) (found issuedCertificate, wait string, _ error) {
	secretName := resources.IssuedSecretName(pair.Name, unit)
	secret, err := readSecret(ctx, r.Client, pair, secretName)
	if err != nil {
		return found, "", err
	}
	found.own = keyPairOf(secret)
	authorities := secret.Data[resources.KeyAuthority]
	if len(found.own.Certificate) > 0 && len(authorities) == 0 {
		return found, fmt.Sprintf("Secret %s/%s has no ca.crt: its issuer does not tell by which authority the units could "+
			"verify each other; name one that does, as of the types CA and Vault", pair.Namespace, secretName), nil
	}
	vouching, verdict := credentials.JudgeIssued(found.own, authorities, name, r.Now())
	if verdict != credentials.Usable {
		return found, fmt.Sprintf("what cert-manager put into Secret %s/%s for %s is %s; see the Certificate's issuer",
			pair.Namespace, secretName, name, verdict), nil
	}
	found.authorities = vouching
	return found, "", nil
}

// releaseCertificates takes back what cert-manager was asked for while the pair named an issuer. What it issued stays:
// the operator may not delete Secrets.
func (r *Reconciler) releaseCertificates(ctx context.Context, s *scope) error {
	key := client.ObjectKeyFromObject(s.pair)
	if r.memory.released(key, s.pair.UID) {
		return nil
	}
	for _, unit := range v1alpha1.Units() {
		key := client.ObjectKey{Namespace: s.pair.Namespace, Name: resources.UnitName(s.pair.Name, unit)}
		switch certificate, err := r.readCertificate(ctx, key); {
		case meta.IsNoMatchError(err):
		case err != nil:
			return err
		case certificate != nil && metav1.IsControlledBy(certificate, s.pair):
			s.log.Info("Asking cert-manager no more for the certificate of a unit", "certificate", certificate.GetName())
			uid := certificate.GetUID()
			err := r.Client.Delete(ctx, certificate, client.Preconditions{UID: &uid}, unwatched)
			if client.IgnoreNotFound(err) != nil {
				return fmt.Errorf("deleting Certificate %s: %w", key, err)
			}
		}
	}
	r.memory.release(key, s.pair.UID)
	return nil
}

// pairOfIssued finds the pair of what cert-manager issued, which is not the pair's own.
func pairOfIssued() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, object client.Object) []reconcile.Request {
		name := object.GetLabels()[v1alpha1.LabelPair]
		if name == "" || metav1.GetControllerOf(object) != nil {
			return nil
		}
		return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: object.GetNamespace(), Name: name}}}
	})
}

// covers tells whether all that is wanted is there. What others added, and what the API server filled in, does not
// matter.
func covers(found, wanted any) bool {
	switch wanted := wanted.(type) {
	case map[string]any:
		found, ok := found.(map[string]any)
		for name, value := range wanted {
			ok = ok && covers(found[name], value)
		}
		return ok
	case []any:
		found, ok := found.([]any)
		if !ok || len(found) != len(wanted) {
			return false
		}
		for i := range wanted {
			if !covers(found[i], wanted[i]) {
				return false
			}
		}
		return true
	default:
		return found == wanted
	}
}

func labelsOf(object *unstructured.Unstructured) any {
	labels, _, _ := unstructured.NestedFieldNoCopy(object.Object, "metadata", "labels") // where there are none, all lack
	return labels
}
