package server

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/localapi"
)

// KernelClass is a class whose entries the kernel has. They have no revisions, so that nobody can follow them.
type KernelClass interface {
	// ObjectOf returns the address object that a key belongs to.
	ObjectOf(key string) string
	// Update writes a batch: all of it, or nothing if it returns an error. Errors of the batch wrap those of package
	// table.
	Update(table.Batch) error
	// List returns all entries, each with what remains of its life.
	List() ([]table.Entry, error)
}

// errKernel reports that the kernel failed, whatever the request.
var errKernel = errors.New("the kernel refused the request")

// update writes a batch. It returns the revision afterwards; 0 for a class of the kernel.
func (c class) update(b table.Batch) (revision uint64, err error) {
	if c.kernel == nil {
		return c.table.Update(b)
	}
	err = c.kernel.Update(b)
	for _, known := range []error{nil, table.ErrFull, table.ErrInvalid, table.ErrTooLarge} {
		if errors.Is(err, known) {
			return 0, err
		}
	}
	return 0, fmt.Errorf("%w: %w", errKernel, err)
}

// isUnnumbered returns the problem of a parameter that is about revisions.
func (c class) isUnnumbered(parameter string) *localapi.Problem {
	return localapi.NewProblem(localapi.Invalid, "class %s is in the kernel and has no revisions; list it when you need "+
		"it, and follow /v1/events for the role", c.name).In(parameter)
}

// listKernelClass lists a class of the kernel.
func (s *Server) listKernelClass(w http.ResponseWriter, r *request) *localapi.Problem {
	if r.query["watch"] == "true" {
		return r.class.isUnnumbered("watch")
	}
	entries, err := r.class.kernel.List()
	if err != nil {
		return localapi.NewProblem(localapi.Busy, "reading class %s: %v; try again later", r.class.name, err)
	}
	now, out := s.board.visible(), newStream(w, s.config.StallTimeout)
	out.event(localapi.Event{Type: localapi.List, Role: now.role, Term: now.term})
	for _, e := range entries {
		if !r.class.mayUse(r.class.kernel.ObjectOf(e.Key)) {
			continue
		}
		if out.change(table.Change{Entry: e}, e.Key) != nil {
			return nil // The client has gone, or does not read.
		}
	}
	out.event(localapi.Event{Type: localapi.Listed})
	_ = out.flush() // The same.
	return nil
}
