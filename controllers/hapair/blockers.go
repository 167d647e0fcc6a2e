package hapair

import (
	"fmt"
	"slices"
	"strings"
)

// blocker is something that stops the operator and that only a person can remove. It stops what depends on it: no
// working unit is replaced meanwhile. Missing units are still created, and the Service still follows the Lease.
type blocker struct {
	kind    blockerKind
	message string
	// fatal is set when there is no earlier valid state to run with.
	fatal bool
}

type blockerKind int

const (
	blockerSyncPolicy      blockerKind = iota // the SyncPolicy does not exist
	blockerMissingDocument                    // the object or key with the firewall's configuration does not exist
	blockerInvalidDocument                    // the firewall's configuration is refused
	blockerService                            // the Service is refused
	blockerPrerequisite                       // an object of someone else has the name of one that units use
	blockerRefused                            // another object is refused
)

// blockers are in the order in which the steps found them.
type blockers []blocker

// message joins the messages of all blockers; it is empty without one.
func (b blockers) message() string {
	var messages []string
	for i := range b {
		if !slices.Contains(messages, b[i].message) {
			messages = append(messages, b[i].message)
		}
	}
	return strings.Join(messages, "; ")
}

// ofPrerequisite reports whether a unit would run with an object of someone else.
func (b blockers) ofPrerequisite() bool {
	return b.find(func(x blocker) bool { return x.kind == blockerPrerequisite }) != nil
}

// ofConfiguration returns what is wrong with the firewall's configuration, nil if nothing is.
func (b blockers) ofConfiguration() *blocker {
	return b.find(func(x blocker) bool { return x.kind == blockerMissingDocument || x.kind == blockerInvalidDocument })
}

// fatal returns what keeps the pair from being started at all, nil if nothing does.
func (b blockers) fatal() *blocker {
	return b.find(func(x blocker) bool { return x.fatal })
}

func (b blockers) find(matches func(blocker) bool) *blocker {
	if i := slices.IndexFunc(b, matches); i >= 0 {
		return &b[i]
	}
	return nil
}

// specError is the error of a spec that the API server admitted and that cannot be carried out.
type specError struct{ err error }

func (e *specError) Error() string { return fmt.Sprintf("carrying out the spec: %v", e.err) }

func (e *specError) Unwrap() error { return e.err }
