package vpncounters

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/xfrm"
)

const (
	// maxSilence is how long a standby may have heard nothing of the active for its records to be of use.
	maxSilence = 10 * time.Second
	// lateFor is how long after a promotion the IKE daemon may still install SAs of the other unit.
	lateFor = 10 * time.Second
)

// promotion is what a table remembers of the last promotion.
type promotion struct {
	// promotedAt is when it happened; nil before the first one, and on a standby.
	promotedAt *time.Duration
	// inherited are the records that the unit had as the standby. They are of no use unless isTrusted is set.
	inherited map[xfrm.ID]xfrm.Counters
	isTrusted bool
	// mustAdvance is set until the numbers are advanced. If all tries of the promotion fail, the unit forwards without it.
	mustAdvance bool
}

// promote makes sure that the unit uses no sequence number that the other one has used. It runs before the gate opens,
// and can be repeated. After an error, the next look tries again.
func (t *table) promote(context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if t.isStandby { // Otherwise an earlier try has the records of the other unit.
		t.inherited = maps.Clone(t.records)
	}
	t.isStandby, t.promotedAt, t.isTrusted = false, &now, t.heardAt != nil && now-*t.heardAt <= maxSilence
	t.mustAdvance = true
	return t.advanceAll()
}

// advanceAll advances the SAs that the unit has. The caller holds the lock.
func (t *table) advanceAll() error {
	all, err := t.kernel.List()
	if err != nil {
		return fmt.Errorf("advancing the sequence numbers of tunnels: %w", err)
	}
	for i, sa := range all {
		all[i].Counters = t.takeoverCounters(sa, spend)
		t.present[sa.ID] = sa.Extended
	}
	if err := t.setOrRemove(all); err != nil {
		return fmt.Errorf("advancing the sequence numbers of tunnels: %w", err)
	}
	t.mustAdvance = false
	return nil
}

// advanceLate advances SAs that the daemon has installed after the promotion. They may be new ones of this unit, which
// is no harm. The counters in the list become those that were set.
func (t *table) advanceLate(added, all []xfrm.SA) error {
	if t.promotedAt == nil || t.now()-*t.promotedAt > lateFor || len(added) == 0 {
		return nil
	}
	for i, sa := range added {
		added[i].Counters = t.takeoverCounters(sa, advance)
	}
	if err := t.setOrRemove(added); err != nil {
		return fmt.Errorf("advancing the sequence numbers of a late tunnel: %w", err)
	}
	set := map[xfrm.ID]xfrm.Counters{}
	for _, sa := range added {
		set[sa.ID] = sa.Counters
	}
	for i, sa := range all {
		if c, isSet := set[sa.ID]; isSet {
			all[i].Counters = c
		}
	}
	return nil
}

// takeoverCounters returns the counters with which this unit continues an SA. If the other unit has sent none, they
// are what unknown returns.
func (t *table) takeoverCounters(sa xfrm.SA, unknown func(xfrm.SA) xfrm.Counters) xfrm.Counters {
	received, isKnown := t.inherited[sa.ID]
	if !isKnown {
		return unknown(sa)
	}
	sa.Counters = combine(sa, received)
	if !t.isTrusted {
		return spend(sa)
	}
	return advance(sa)
}

// setOrRemove sets the counters of SAs. It removes those whose counters the kernel refuses, since they could use a
// number twice.
func (t *table) setOrRemove(wanted []xfrm.SA) error {
	refused, err := t.set(wanted)
	if err != nil || len(refused) == 0 {
		return err
	}
	ids := make([]xfrm.ID, len(refused))
	for i, r := range refused {
		ids[i], err = r.sa.ID, errors.Join(err, r.err)
	}
	_, removeErr := t.kernel.Remove(ids)
	return errors.Join(err, removeErr)
}
