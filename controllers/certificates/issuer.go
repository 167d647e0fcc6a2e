package certificates

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/apply"
	"github.com/hapair-io/hapair/controllers/owned"
	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/internal/resources"
)

// pollInterval is how often a pending Certificate is read. Certificates are not watched: the operator would not start
// on a cluster without cert-manager if it watched a kind of cert-manager's.
const pollInterval = 5 * time.Second

// unwatched is an option of every write of a Certificate. Without it the client would start a watch of the kind, to
// show its own writes in its cache.
const unwatched = client.DisableReadYourWritesConsistency

// issued holds the certificates that cert-manager issued for both units, by DNS name. It is a signer.
type issued map[string]issuedCertificate

type issuedCertificate struct {
	own credentials.KeyPair
	// authorities verify the certificate; PEM.
	authorities []byte
}

func (i issued) offer(unit credentials.Unit, _ time.Time) credentials.Offer {
	offered := i[unit.Name]
	return credentials.Offer{
		Authorities: offered.authorities,
		Held: bytes.Equal(unit.Held.Certificate, offered.own.Certificate) &&
			bytes.Equal(unit.Held.Key, offered.own.Key),
	}
}

func (i issued) certificate(_ credentials.Observation, unit credentials.Unit) (credentials.KeyPair, error) {
	return i[unit.Name].own, nil
}

// renewal returns false: cert-manager decides when it renews.
func (issued) renewal(credentials.KeyPair) (time.Time, bool) { return time.Time{}, false }

// issuer requests a certificate for each unit from cert-manager. It returns both once both are issued, nil before.
func (m *Manager) issuer(ctx context.Context, q *request, issuer v1alpha1.IssuerReference) (signer, error) {
	m.Memory.setWithoutCertificates(client.ObjectKeyFromObject(q.pair), "")
	both := issued{}
	var pending []string
	var errs []error
	for _, unit := range v1alpha1.Units() {
		reason, err := m.ensureCertificate(ctx, q.pair, resources.Certificate(q.pair, unit, issuer))
		switch {
		case meta.IsNoMatchError(err):
			m.setPending(ctx, q, v1alpha1.ReasonBlocked, "the cluster does not know the kind Certificate of "+
				"cert-manager.io/v1; install cert-manager, or remove spec.certificates.issuerRef")
			return nil, nil
		case err != nil:
			errs = append(errs, err) // The Certificate of the other unit is requested all the same.
			continue
		}
		if reason == "" {
			name := credentials.UnitName(string(unit), q.pair.Name, q.pair.Namespace)
			if both[name], reason, err = m.readIssued(ctx, q.pair, unit, name); err != nil {
				return nil, err
			}
		}
		if reason != "" {
			pending = append(pending, reason)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if len(pending) > 0 {
		m.setPending(ctx, q, v1alpha1.ReasonCertificatesPending, strings.Join(pending, "; "))
		return nil, nil
	}
	return both, nil
}

// setPending records what the certificates wait for, and requests another call soon.
func (m *Manager) setPending(ctx context.Context, q *request, reason, message string) {
	log.FromContext(ctx).V(1).Info("Waiting for certificates", "reason", message)
	q.result.Pending = &Pending{Reason: reason, Message: message}
	q.result.checkAt(m.Now().Add(pollInterval))
}

// ensureCertificate applies a Certificate if something that is wanted differs. It returns why the certificate is
// pending, or an empty text if cert-manager reports that it is issued.
func (m *Manager) ensureCertificate(
	ctx context.Context, pair *v1alpha1.HAPair, wanted *unstructured.Unstructured,
) (pending string, _ error) {
	what := fmt.Sprintf("Certificate %s", client.ObjectKeyFromObject(wanted))
	live, err := m.readCertificate(ctx, client.ObjectKeyFromObject(wanted))
	switch {
	case err != nil:
		return "", err
	case live != nil && !metav1.IsControlledBy(live, pair):
		return "", &owned.ForeignObjectError{Object: what}
	case live != nil && covers(live.Object["spec"], wanted.Object["spec"]) &&
		covers(labelsOf(live), labelsOf(wanted)) && len(issuedLabels(live)) <= len(issuedLabels(wanted)):
		return pendingReason(live), nil
	}
	log.FromContext(ctx).Info("Requesting the certificate of a unit from cert-manager", "certificate", wanted.GetName())
	configuration := client.ApplyConfigurationFromUnstructured(wanted)
	if err := m.Client.Apply(ctx, configuration, apply.FieldOwner, client.ForceOwnership, unwatched); err != nil {
		return "", fmt.Errorf("applying %s: %w", what, err)
	}
	return what + " has just been requested", nil
}

// readCertificate returns nil if the Certificate does not exist.
func (m *Manager) readCertificate(ctx context.Context, key client.ObjectKey) (*unstructured.Unstructured, error) {
	certificate := &unstructured.Unstructured{}
	certificate.SetGroupVersionKind(resources.CertificateKind)
	switch err := m.Live.Get(ctx, key, certificate); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading Certificate %s: %w", key, err)
	default:
		return certificate, nil
	}
}

// pendingReason returns what cert-manager reports about a Certificate that is not issued in its present form. The text
// is empty if the Certificate is issued.
func pendingReason(certificate *unstructured.Unstructured) string {
	status := struct {
		Conditions []metav1.Condition `json:"conditions"`
	}{}
	if found, ok := certificate.Object["status"].(map[string]any); ok {
		// A status that cannot be decoded is treated as an empty one.
		_ = runtime.DefaultUnstructuredConverter.FromUnstructured(found, &status)
	}
	report := "nothing about it yet; if that does not change, check that cert-manager runs"
	ready := meta.FindStatusCondition(status.Conditions, "Ready")
	switch issuing := meta.FindStatusCondition(status.Conditions, "Issuing"); {
	case ready == nil:
	case ready.ObservedGeneration != 0 && ready.ObservedGeneration < certificate.GetGeneration():
		report = "nothing about its latest change yet"
	case ready.Status == metav1.ConditionTrue:
		return ""
	case issuing != nil && issuing.Status == metav1.ConditionFalse:
		report = describe(issuing)
	default:
		report = describe(ready)
	}
	return fmt.Sprintf("Certificate %s/%s is not ready, cert-manager says %s; \"kubectl describe certificate %[2]s\", "+
		"its CertificateRequests and the issuer have details", certificate.GetNamespace(), certificate.GetName(), report)
}

func describe(condition *metav1.Condition) string {
	if condition.Message == "" {
		return condition.Reason
	}
	return condition.Reason + ": " + condition.Message
}

// readIssued reads what cert-manager issued for a unit. It returns a reason if the certificate cannot be used.
func (m *Manager) readIssued(
	ctx context.Context, pair *v1alpha1.HAPair, unit v1alpha1.Unit, name string,
) (found issuedCertificate, reason string, _ error) {
	secretName := resources.IssuedSecretName(pair.Name, unit)
	secret, err := owned.ReadSecret(ctx, m.Client, pair, secretName)
	if err != nil {
		return found, "", err
	}
	found.own = keyPairOf(secret)
	authorities := secret.Data[resources.KeyAuthority]
	if len(found.own.Certificate) > 0 && len(authorities) == 0 {
		return found, fmt.Sprintf("Secret %s/%s has no ca.crt: its issuer does not publish the authority by which the units "+
			"verify each other; use an issuer that does, such as the types CA and Vault", pair.Namespace, secretName), nil
	}
	vouching, verdict := credentials.CheckIssued(found.own, authorities, name, m.Now())
	if verdict != credentials.Usable {
		return found, fmt.Sprintf("the certificate that cert-manager put into Secret %s/%s for %s is %s; check the "+
			"Certificate's issuer", pair.Namespace, secretName, name, verdict), nil
	}
	found.authorities = vouching
	return found, "", nil
}

// deleteCertificates deletes the Certificates of a pair that does not name an issuer any more. The Secrets that
// cert-manager wrote stay: the operator has no right to delete Secrets.
func (m *Manager) deleteCertificates(ctx context.Context, q *request) error {
	key := client.ObjectKeyFromObject(q.pair)
	if m.Memory.isWithoutCertificates(key, q.pair.UID) {
		return nil
	}
	for _, unit := range v1alpha1.Units() {
		key := client.ObjectKey{Namespace: q.pair.Namespace, Name: resources.UnitName(q.pair.Name, unit)}
		switch certificate, err := m.readCertificate(ctx, key); {
		case meta.IsNoMatchError(err):
		case err != nil:
			return err
		case certificate != nil && metav1.IsControlledBy(certificate, q.pair):
			log.FromContext(ctx).Info("Deleting the Certificate of a unit", "certificate", certificate.GetName())
			uid := certificate.GetUID()
			err := m.Client.Delete(ctx, certificate, client.Preconditions{UID: &uid}, unwatched)
			if client.IgnoreNotFound(err) != nil {
				return fmt.Errorf("deleting Certificate %s: %w", key, err)
			}
		}
	}
	m.Memory.setWithoutCertificates(key, q.pair.UID)
	return nil
}

// covers reports whether everything that is wanted is found. Fields that others added, and defaults that the API server
// filled in, do not matter.
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

// issuedLabels returns the labels that cert-manager gives the Secret of a Certificate. One that an earlier release
// requested and this one does not is removed when the Certificate is applied again.
func issuedLabels(certificate *unstructured.Unstructured) map[string]any {
	found, _, _ := unstructured.NestedMap(certificate.Object, "spec", "secretTemplate", "labels") // nil has no labels
	return found
}

func labelsOf(object *unstructured.Unstructured) any {
	labels, _, _ := unstructured.NestedFieldNoCopy(object.Object, "metadata", "labels") // nil covers no wanted label
	return labels
}
