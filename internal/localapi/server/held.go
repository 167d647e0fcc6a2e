package server

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/localapi"
)

// held has how far the providers follow their classes. Those that a provider writes are checked from the start, and
// those that it reads once it has reported what it has.
type held struct {
	mu       sync.Mutex
	followed map[heldBy]*progress
}

// heldBy is a provider and one of its classes.
type heldBy struct{ provider, class string }

// String returns the two as a person needs to know them.
func (b heldBy) String() string {
	return "provider " + b.provider + " lacks changes of class " + b.class
}

// newHeld returns the progress of providers that have reported nothing. Classes returns a class by its name.
func newHeld(providers []contract.Provider, classes func(name string) (class, bool)) *held {
	h := &held{followed: map[heldBy]*progress{}}
	for _, p := range providers {
		for _, name := range p.Writes {
			if c, ok := classes(name); ok && c.kernel == nil {
				h.followed[heldBy{provider: p.Name, class: name}] = &progress{class: c}
			}
		}
	}
	return h
}

// report stores that a provider has everything up to a revision.
func (h *held) report(by heldBy, c class, revision uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.followed[by]
	if p == nil {
		p = &progress{class: c}
		h.followed[by] = p
	}
	p.held = revision
}

// wrote stores a write of a provider. It has what it writes.
func (h *held) wrote(by heldBy, revision uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.followed[by]; p != nil {
		p.held = max(p.held, revision)
	}
}

// watch counts a watch until the result is called. A process without a watch may have ended, so it has nothing.
func (h *held) watch(by heldBy) (end func()) {
	add := func(n int) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if p := h.followed[by]; p != nil {
			if p.watches += n; p.watches == 0 {
				p.held = 0
			}
		}
	}
	add(1)
	return func() { add(-1) }
}

// settle records what the providers of a unit have that was active. Those that are connected have everything: they
// wrote it, and saw what has ended.
func (h *held) settle() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.followed {
		if p.watches > 0 {
			p.held = max(p.held, p.class.table.Usage(p.class.prefix).Revision)
		}
	}
}

// check returns which providers lack changes for longer than the timeout. A provider of an active unit lacks none.
func (h *held) check(isActive bool, now time.Time, timeout time.Duration) []heldBy {
	h.mu.Lock()
	defer h.mu.Unlock()
	var behind []heldBy
	for by, p := range h.followed {
		if isActive {
			p.reset()
			continue
		}
		p.check(p.class.table.Usage(p.class.prefix).Revision, now, timeout)
		if p.isBehind {
			behind = append(behind, by)
		}
	}
	slices.SortFunc(behind, func(a, b heldBy) int { return strings.Compare(a.String(), b.String()) })
	return behind
}

// visit calls do with each report, and how many keys of the class have changed since.
func (h *held) visit(do func(by heldBy, behind int)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for by, p := range h.followed {
		do(by, p.class.table.ChangedSince(p.held, p.class.prefix))
	}
}

// Follow checks whether the providers of a unit that is not active take over what the peer sends. It calls changed with
// those that do not, whenever that changes, until ctx ends.
func (s *Server) Follow(ctx context.Context, changed func(behind string)) {
	const checks = 5 // within the timeout
	ticker := time.NewTicker(s.config.HeldTimeout / checks)
	defer ticker.Stop()
	for known := ""; ; {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			behind := s.held.check(s.board.visible().role == localapi.Active, now, s.config.HeldTimeout)
			texts := make([]string, len(behind))
			for i, by := range behind {
				texts[i] = by.String()
			}
			if text := strings.Join(texts, "; "); text != known {
				known = text
				s.config.Log.Info("Changed which providers are behind", "behind", text)
				changed(text)
			}
		}
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
	s.held.report(r.heldBy(), r.class, revision)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
