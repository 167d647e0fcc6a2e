package dynamicrouting

import (
	"context"
	"fmt"
	"slices"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/state"
)

// sink is the table on the standby.
type sink struct{ *table }

// Apply records routes and installs them as held ones. One whose interface is missing or down is installed once the
// interface is there.
func (s sink) Apply(_ context.Context, changes []state.Change) (outcome class.Outcome, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.serve(); err != nil {
		return outcome, err
	}
	for _, change := range changes {
		if why, err := s.apply(change); err != nil {
			outcome.Refuse(why, fmt.Errorf("holding a learned route: %w", err))
		}
	}
	return outcome, s.update()
}

func (s sink) apply(change state.Change) (class.Refusal, error) {
	k, err := parseKey(change.Key)
	if err != nil {
		return class.Malformed, err
	}
	r := s.records[k]
	if change.Op == state.Delete {
		s.forget(k)
		return 0, nil
	}
	v, err := parseValue(change.Record)
	switch {
	case err != nil:
		return class.Malformed, err
	case slices.ContainsFunc(v.hops, func(h hop) bool { return !slices.Contains(s.devices, h.device) }):
		return class.Excluded, fmt.Errorf("the route to %s uses an interface that is no traffic interface of this unit", k.to)
	case r == nil && len(s.records) >= maxRoutes:
		return class.Full, fmt.Errorf("the class has %d routes", len(s.records))
	case r == nil:
		r = &record{}
		s.records[k] = r
	}
	r.data = v.encode()
	return class.Rejected, s.install(k, r)
}

// Prune removes the routes for which keep returns false.
func (s sink) Prune(_ context.Context, keep func(key string) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.serve(); err != nil {
		return err
	}
	for _, k := range s.sorted() {
		if !keep(k.encode()) {
			s.forget(k)
		}
	}
	return s.update()
}

// Digest visits the routes of this unit.
func (s sink) Digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	return s.digest(ctx, visit)
}

// Adopt makes the learned routes of a former active held ones. Its routing protocols withdraw their own.
func (s sink) Adopt(ctx context.Context, visit func(key string, fields []byte) error) error {
	if err := s.adopt(ctx); err != nil {
		return err
	}
	return s.digest(ctx, visit)
}

func (s sink) adopt(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.serve()
}

// Refresh installs held routes again that are missing.
func (s sink) Refresh(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustRestore = true
	return s.update()
}

// Commit makes the records follow the kernel. The held routes are there already, and expire from now on.
func (s sink) Commit(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lead()
}
