package hapair

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/certificates"
)

// ensureCertificates gives each unit the certificate by which its peer recognises it.
func (r *Reconciler) ensureCertificates(ctx context.Context, s *scope) error {
	manager := certificates.Manager{
		Client: r.Client, Live: r.Live, Now: r.Now, Notifier: notifier{r}, Memory: &r.certificates,
	}
	observed := certificates.Observed{
		InSession: s.facts.synchronized(), Units: map[v1alpha1.Unit]certificates.UnitPod{},
	}
	for unit, own := range s.facts.units {
		if own.exists() {
			observed.Units[unit] = certificates.UnitPod{UID: own.pod.UID, Useful: own.useful()}
		}
	}
	result, err := manager.Ensure(ctx, s.pair, observed)
	s.certificatesPending = result.Pending
	if !result.CheckAt.IsZero() {
		s.requeueAt(result.CheckAt)
	}
	return err
}

// notifier records Events about certificates.
type notifier struct{ reconciler *Reconciler }

// AuthorityExchanged records that the pair has a new authority.
func (n notifier) AuthorityExchanged(pair *v1alpha1.HAPair, message string) {
	n.reconciler.record(pair, nil, noticeAuthorityExchanged, "%s", message)
}

// CertificateExchanged records that a unit has a new certificate in its Secret.
func (n notifier) CertificateExchanged(pair *v1alpha1.HAPair, secret *corev1.Secret, message string) {
	n.reconciler.record(pair, secret, noticeCertificateExchanged, "%s", message)
}

// pairOfIssuedSecret enqueues the pair of a Secret that cert-manager wrote, which the pair does not own.
func pairOfIssuedSecret() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, object client.Object) []reconcile.Request {
		name := object.GetLabels()[v1alpha1.LabelPair]
		if name == "" || metav1.GetControllerOf(object) != nil {
			return nil
		}
		return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: object.GetNamespace(), Name: name}}}
	})
}
