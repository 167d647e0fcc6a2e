package neighbours

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/state"
)

// sink is the table on the standby.
type sink struct{ *table }

// Apply records entries and writes them. An entry that the kernel does not accept now is written when the interface
// changes, or after the virtual addresses are attached.
func (s sink) Apply(_ context.Context, changes []state.Change) (outcome class.Outcome, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.standby = true
	if err := s.update(); err != nil {
		return outcome, err
	}
	for _, change := range changes {
		if why, err := s.apply(change); err != nil {
			outcome.Refuse(why, fmt.Errorf("writing a neighbour: %w", err))
		}
	}
	return outcome, s.update()
}

func (s sink) apply(change state.Change) (class.Refusal, error) {
	k, err := parseKey(change.Key)
	if err != nil {
		return class.Malformed, err
	}
	if change.Op == state.Delete {
		s.remove(k)
		return 0, nil
	}
	v, err := parseValue(change.Record)
	switch {
	case err != nil:
		return class.Malformed, err
	case !slices.Contains(s.devices, k.device):
		return class.Excluded, fmt.Errorf("%q is no traffic interface of this unit", k.device)
	case !s.kind.accepts(k, v):
		return class.Excluded, fmt.Errorf("%s on %s is no entry of class %s", k.address, k.device, s.id)
	case s.records[k] == nil && len(s.records) >= s.limit:
		return class.Full, fmt.Errorf("the class has %d entries", len(s.records))
	}
	r := &record{value: v, missing: true}
	s.records[k] = r
	if link, ok := s.links[k.device]; ok {
		err := s.kernel.SetNeighbour(v.neighbour(k, link.Index))
		r.missing = err != nil
		return class.Rejected, err
	}
	return 0, nil // It is written once the interface exists.
}

// remove removes an entry. It is no failure if the kernel does not have it.
func (s sink) remove(k key) {
	r := s.records[k]
	delete(s.records, k)
	if link, ok := s.links[k.device]; r != nil && ok && !r.missing {
		// Without a record the entry is pruned later if the kernel refuses.
		_ = s.kernel.RemoveNeighbour(r.neighbour(k, link.Index))
	}
}

// Prune removes the entries for which keep returns false.
func (s sink) Prune(_ context.Context, keep func(key string) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.standby = true
	if err := s.update(); err != nil {
		return err
	}
	for _, k := range s.sorted() {
		if !keep(k.encode()) {
			s.remove(k)
		}
	}
	return s.update()
}

// Digest visits the entries of this unit.
func (s sink) Digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	return s.digest(ctx, visit)
}

// Adopt changes nothing but who decides about the records: an entry is the same on both units.
func (s sink) Adopt(ctx context.Context, visit func(key string, fields []byte) error) error {
	s.mu.Lock()
	err := s.update()
	s.standby = true
	s.mu.Unlock()
	return errors.Join(err, s.digest(ctx, visit))
}

// Refresh writes entries again that somebody removed on the standby.
func (s sink) Refresh(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustRestore = true
	return s.update()
}

// Commit makes the records follow the kernel.
func (s sink) Commit(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lead()
}
