package server

import (
	"net/http"
	"sync"

	"github.com/hapair-io/hapair/internal/localapi"
)

// held has the revision of each class up to which a provider has everything, as it reported last.
type held struct {
	mu        sync.Mutex
	revisions map[heldBy]heldRevision
}

// heldBy is a provider and one of its classes.
type heldBy struct{ provider, class string }

// heldRevision is a revision of a class.
type heldRevision struct {
	class    class
	revision uint64
}

func newHeld() *held { return &held{revisions: map[heldBy]heldRevision{}} }

// set stores a report. A provider has few classes, so there are few reports.
func (h *held) set(by heldBy, r heldRevision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.revisions[by] = r
}

// visit calls do with each report, and how many keys of the class have changed since.
func (h *held) visit(do func(by heldBy, behind int)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for by, r := range h.revisions {
		do(by, r.class.table.ChangedSince(r.revision, r.class.prefix))
	}
}

// putHeld stores that a provider has everything up to a revision.
func (s *Server) putHeld(w http.ResponseWriter, r *request) *localapi.Problem {
	if r.class.kernel != nil {
		return r.class.isUnnumbered("revision")
	}
	revision := r.integer("revision")
	if newest := r.class.table.Revision(); revision > newest {
		return localapi.NewProblem(localapi.Invalid, "the newest revision is %d; was %d of an earlier sidecar? List again",
			newest, revision).In("revision")
	}
	s.held.set(heldBy{provider: r.provider.Name, class: r.class.name}, heldRevision{class: r.class, revision: revision})
	w.WriteHeader(http.StatusNoContent)
	return nil
}
