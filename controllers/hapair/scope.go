package hapair

import (
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/certificates"
	"github.com/hapair-io/hapair/internal/contract"
)

// scope is what the steps of one reconcile know of the pair and tell each other.
type scope struct {
	pair *v1alpha1.HAPair
	log  logr.Logger

	// facts are set by observe.
	facts facts

	// sync and document are what the units should have: what the spec says, or the last good while that lacks
	// something. document is nil, and sync not known, while there never was a good one.
	sync      contract.Sync
	syncKnown bool
	document  []byte
	// lacks are in the order in which they were found.
	lacks []lack

	// told are the settings of both sidecars, and settings what is written of them; nil while sync is not known.
	told     contract.Settings
	settings []byte

	// decisions are what ensureUnits made of each unit; nil when it did not get that far.
	decisions decisions

	// certificatesPending is what the certificates wait for, nil if nothing.
	certificatesPending *certificates.Pending

	// repointed is set when the Service was made to point at another unit.
	repointed bool
	// refused is what the API server refused, empty when nothing was.
	refused string
	// nextLook is when the pair has to be looked at again though nothing changed; zero when it need not be.
	nextLook time.Time
}

func newScope(pair *v1alpha1.HAPair, log logr.Logger) *scope {
	return &scope{pair: pair, log: log}
}

// lack is something that the spec needs and that a person has to mend.
type lack struct {
	kind    lackKind
	message string
	// fatal is set when there is no earlier good state to go on with.
	fatal bool
}

type lackKind int

const (
	lackPolicy        lackKind = iota // the SyncPolicy does not exist
	lackDocument                      // the ConfigMap of the document, or its key, does not exist
	lackValidDocument                 // the document is refused
	lackService                       // the Service is refused
)

func (s *scope) note(l lack) {
	s.log.V(1).Info("Holding back changes, since the spec lacks something", "lack", l.message, "fatal", l.fatal)
	s.lacks = append(s.lacks, l)
}

// documentLack is what is wrong with the document, nil when nothing is.
func (s *scope) documentLack() *lack {
	for i := range s.lacks {
		if kind := s.lacks[i].kind; kind == lackDocument || kind == lackValidDocument {
			return &s.lacks[i]
		}
	}
	return nil
}

// fatalLack is what keeps the pair from being started at all, nil when nothing does.
func (s *scope) fatalLack() *lack {
	for i := range s.lacks {
		if s.lacks[i].fatal {
			return &s.lacks[i]
		}
	}
	return nil
}

// lookAgain has the pair reconciled at a time, or earlier.
func (s *scope) lookAgain(at time.Time) {
	if s.nextLook.IsZero() || at.Before(s.nextLook) {
		s.nextLook = at
	}
}

// untilNextLook is zero when the pair need not be looked at again.
func (s *scope) untilNextLook(now time.Time) time.Duration {
	if s.nextLook.IsZero() {
		return 0
	}
	return max(s.nextLook.Sub(now), time.Millisecond)
}
