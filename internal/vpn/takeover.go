package vpn

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/vpn/tunnels"
)

const (
	// takeoverInterval is the time between looks while tunnels wait for their first keys of this unit.
	takeoverInterval = 10 * time.Millisecond
	// rekeyTimeout is how long the peer may take for new keys. Then the tunnel is set up again.
	rekeyTimeout = 5 * time.Second
	// passiveTimeout is how long SAs may remain passive after charon was told that the unit is active.
	passiveTimeout = 200 * time.Millisecond
)

// takeover gives new keys to tunnels that the other unit has set up. The peer refuses packets whose sequence numbers it
// has seen, and in userspace this unit counts from 1. New keys have new numbers.
type takeover struct {
	kernel *rtnetlink.Conn
	began  time.Time
	// toldAt is when charon was told the role last.
	toldAt time.Time
	// old are the SPIs of the children that wait for new keys, by tunnel; nil before the keys were requested.
	old map[string]map[string]bool
	// requestedAt is when the keys were requested.
	requestedAt time.Time
}

// step takes the next step. It reports whether the takeover has ended.
func (t *takeover) step(
	ctx context.Context, s *session, present sas, wanted []tunnels.Connection,
) (isDone bool, err error) {
	if present.hasState(passive) {
		if time.Since(t.toldAt) < passiveTimeout {
			return false, nil
		}
		// Charon took them in after the command, and that changes only what it finds.
		t.toldAt = time.Now()
		return false, tellRole(ctx, makePassive, makeActive)
	}
	if t.old == nil {
		return t.request(ctx, s, present, wanted)
	}
	return t.check(ctx, s, present, wanted)
}

// request requests new keys for the wanted tunnels, once the unit has their addresses.
func (t *takeover) request(ctx context.Context, s *session, present sas, wanted []tunnels.Connection) (bool, error) {
	addresses, err := t.kernel.AllAddresses()
	if err != nil {
		return false, err
	}
	for _, c := range wanted {
		local, err := netip.ParseAddr(c.Settings.LocalAddresses[0])
		isLocal := func(p netip.Prefix) bool { return p.Addr() == local }
		if err == nil && !slices.ContainsFunc(addresses, isLocal) {
			return time.Since(t.began) > rekeyTimeout, nil // The sidecar reports addresses that are missing.
		}
	}
	t.old, t.requestedAt = map[string]map[string]bool{}, time.Now()
	for _, c := range wanted {
		if spis := present.children(c.Name); len(spis) > 0 {
			t.old[c.Name] = spis
			if err := s.rekey(ctx, c.Name); err != nil {
				return false, err
			}
		}
	}
	return len(t.old) == 0, nil
}

// check forgets tunnels with new keys. It ends those whose peers did not answer in time, so that they are set up again.
func (t *takeover) check(ctx context.Context, s *session, present sas, wanted []tunnels.Connection) (bool, error) {
	isLate := time.Since(t.requestedAt) > rekeyTimeout
	for _, c := range wanted {
		old, waits := t.old[c.Name]
		if !waits {
			continue
		}
		if !overlap(old, present.children(c.Name)) {
			delete(t.old, c.Name)
			continue
		}
		if isLate && c.Initiates {
			if err := s.end(ctx, c.Name); err != nil {
				return false, err
			}
		}
	}
	return isLate || len(t.old) == 0, nil
}

// overlap reports whether a tunnel still has a child with old keys and none with new ones.
func overlap(old, present map[string]bool) bool {
	for spi := range present {
		if !old[spi] {
			return false
		}
	}
	return len(present) > 0
}
