package vpncounters

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/xfrm"
	"github.com/hapair-io/hapair/internal/state"
)

// sink has the counters of the standby.
type sink struct{ *table }

// Apply records counters, and writes them to the SAs that exist. The others get them when they appear.
func (s sink) Apply(_ context.Context, changes []state.Change) (outcome class.Outcome, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.follow()
	now := s.now()
	s.heardAt = &now
	if s.failed != nil {
		outcome.Refuse(class.Rejected, s.failed)
		s.failed = nil
	}
	changed := map[xfrm.ID]struct{}{}
	for _, change := range changes {
		id, why, err := s.apply(change)
		if err != nil {
			outcome.Refuse(why, err)
			continue
		}
		changed[id] = struct{}{}
	}
	return outcome, s.writeChanged(changed, &outcome)
}

// follow makes the records those of the active. The caller holds the lock.
func (t *table) follow() {
	t.isStandby, t.promotedAt, t.mustAdvance = true, nil, false
}

func (s sink) apply(change state.Change) (id xfrm.ID, why class.Refusal, err error) {
	if id, err = parseKey(change.Key); err != nil {
		return id, class.Malformed, err
	}
	if change.Op == state.Delete {
		delete(s.records, id)
		return id, 0, nil
	}
	c, err := parse(change.Record)
	if err != nil {
		return id, class.Malformed, fmt.Errorf("reading the counters of %s: %w", id, err)
	}
	if _, isKnown := s.records[id]; !isKnown && len(s.records) >= maxRecords {
		return id, class.Full, fmt.Errorf("the class has %d SAs", maxRecords)
	}
	s.records[id] = c
	return id, 0, nil
}

// writeChanged writes the records that have changed to the SAs that exist.
func (s sink) writeChanged(changed map[xfrm.ID]struct{}, outcome *class.Outcome) error {
	var all []xfrm.SA
	for id := range changed {
		extended, isPresent := s.present[id]
		if received, isKnown := s.records[id]; isKnown && isPresent {
			all = append(all, xfrm.SA{ID: id, Extended: extended, Counters: received})
		}
	}
	if len(all) == 0 {
		return nil
	}
	ids := make([]xfrm.ID, len(all))
	for i, sa := range all {
		ids[i] = sa.ID
	}
	own, err := s.kernel.Read(ids)
	if err != nil {
		return err
	}
	wanted := all[:0]
	for i, sa := range all {
		switch {
		case own[i].Err == nil:
			received := sa.Counters
			sa.Counters = own[i].Counters
			sa.Counters = combine(sa, received)
			wanted = append(wanted, sa)
		case errors.Is(own[i].Err, unix.ESRCH):
			delete(s.present, sa.ID)
		default:
			outcome.Refuse(class.Rejected, fmt.Errorf("reading the counters of %s: %w", sa.ID, own[i].Err))
		}
	}
	refused, err := s.set(wanted)
	for _, r := range refused {
		outcome.Refuse(class.Rejected, r.err)
	}
	return err
}

// Prune forgets the records for which keep returns false. The IKE daemon removes the SAs themselves.
func (s sink) Prune(_ context.Context, keep func(key string) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.follow()
	for id := range s.records {
		if !keep(encodeKey(id)) {
			delete(s.records, id)
		}
	}
	return nil
}

// Digest visits the records of this unit.
func (s sink) Digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	return s.digest(ctx, visit)
}

// Adopt changes nothing but who decides about the records.
func (s sink) Adopt(ctx context.Context, visit func(key string, fields []byte) error) error {
	s.mu.Lock()
	err := s.refreshActive()
	s.follow()
	s.mu.Unlock()
	return errors.Join(err, s.digest(ctx, visit))
}

// Refresh changes nothing, since the IKE daemon decides when SAs end.
func (sink) Refresh(context.Context) error { return nil }

// Commit changes nothing: the numbers were advanced before the gate opened.
func (sink) Commit(context.Context) error { return nil }
