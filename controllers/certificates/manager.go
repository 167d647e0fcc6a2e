package certificates

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/owned"
)

// Manager keeps the units' certificates valid.
type Manager struct {
	// Client reads from the cache, and writes.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader
	// Now is the clock.
	Now func() time.Time
	// Notifier records what was exchanged.
	Notifier Notifier
	// Memory outlives a reconcile.
	Memory *Memory
}

// Notifier records Events about a pair.
type Notifier interface {
	// AuthorityExchanged records that the pair has a new authority.
	AuthorityExchanged(pair *v1alpha1.HAPair, message string)
	// CertificateExchanged records that a unit has a new certificate in its Secret.
	CertificateExchanged(pair *v1alpha1.HAPair, secret *corev1.Secret, message string)
}

// Observed is what the caller observed of the pair.
type Observed struct {
	// InSession is set while the units have a session, so that their present certificates are known to work.
	InSession bool
	// Units has an entry for each unit that has a pod.
	Units map[v1alpha1.Unit]UnitPod
}

// UnitPod is the pod that mounts a unit's Secret.
type UnitPod struct {
	UID types.UID
	// Useful is set while the pod is ready and is not being deleted, so that its kubelet updates its Secret.
	Useful bool
}

// Result is the state of the certificates after Ensure.
type Result struct {
	// Pending is what the certificates wait for, nil if nothing. The units then keep what they have.
	Pending *Pending
	// CheckAt is when Ensure has to be called again though nothing changed; zero if it need not be.
	CheckAt time.Time
}

// Pending is a reason and a message of a condition.
type Pending struct{ Reason, Message string }

// checkAt requests another call at the given time or earlier.
func (r *Result) checkAt(at time.Time) {
	if r.CheckAt.IsZero() || at.Before(r.CheckAt) {
		r.CheckAt = at
	}
}

// request is one call of Ensure.
type request struct {
	pair     *v1alpha1.HAPair
	observed Observed
	result   Result
}

// Ensure gives each unit the certificate that it should have. A certificate or authority that is replaced is exchanged
// in steps, each in a later call.
func (m *Manager) Ensure(ctx context.Context, pair *v1alpha1.HAPair, observed Observed) (Result, error) {
	q := &request{pair: pair, observed: observed}
	err := m.ensure(ctx, q)
	return q.result, err
}

func (m *Manager) objects() owned.Applier { return owned.Applier{Client: m.Client, Live: m.Live} }
