package hapair

import (
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/certificates"
	"github.com/hapair-io/hapair/internal/contract"
)

// scope carries what the steps of one reconcile know about the pair and hand to each other.
type scope struct {
	pair *v1alpha1.HAPair
	log  logr.Logger

	// facts are set by observe.
	facts facts

	// sync and document are what the units should have: what the spec names, or the last valid one while a blocker keeps
	// that from being used. They are not known if there never was a valid one. A known document is nil if the image of the
	// firewall brings its own configuration.
	sync          contract.Sync
	syncKnown     bool
	document      []byte
	documentKnown bool
	blockers      blockers
	// failed is set when a step failed for another reason than a refusal.
	failed bool

	// settings are those of both sidecars, and encodedSettings what is written of them; nil while sync is not known.
	settings        contract.Settings
	encodedSettings []byte

	// switchover is what a user requests.
	switchover switchover

	// decisions are set by ensureUnits; nil if it did not get that far.
	decisions decisions

	// upgrade is the pair's turn in an update, as the status should have it.
	upgrade v1alpha1.UpgradeStatus

	// certificatesPending is what the certificates wait for, nil if nothing.
	certificatesPending *certificates.Pending

	// repointed is set when the Service was made to point at another unit.
	repointed bool
	// requeue is when the pair has to be reconciled again though nothing changed; zero if it need not be.
	requeue time.Time
}

func newScope(pair *v1alpha1.HAPair, log logr.Logger) *scope {
	s := &scope{pair: pair, log: log}
	if upgrade := pair.Status.Upgrade; upgrade != nil {
		s.upgrade = *upgrade.DeepCopy()
	}
	return s
}

// block records a blocker.
func (s *scope) block(b blocker) {
	s.log.V(1).Info("Holding back changes", "blocker", b.message, "fatal", b.fatal)
	s.blockers = append(s.blockers, b)
}

// requeueAt requests another reconcile of the pair at a time, or earlier.
func (s *scope) requeueAt(at time.Time) {
	if s.requeue.IsZero() || at.Before(s.requeue) {
		s.requeue = at
	}
}

// requeueAfter returns the delay until the pair has to be reconciled again; zero if it need not be.
func (s *scope) requeueAfter(now time.Time) time.Duration {
	if s.requeue.IsZero() {
		return 0
	}
	return max(s.requeue.Sub(now), time.Millisecond)
}
