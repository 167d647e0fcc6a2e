package connectioncache

import (
	"context"
	"fmt"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// A standby sees no packets, so nothing refreshes the timeouts of its entries. The active's kernel does not report when
// a packet refreshes one. So an entry of the standby must live until the active reports its end. A fixed timeout would
// do that, but could not be removed again. Instead, the entry gets a lifetime that is far longer than any timeout, and
// Refresh renews it each day (class.RefreshInterval).
//
// A promotion need not write timeouts before packets flow: the first packet of a connection sets the timeout of its
// state. Commit writes those of silent connections in the background, as if their last packet had arrived at the
// promotion.
const (
	day      = 24 * 60 * 60
	lifetime = 10 * day
	// refreshBelow is the rest of a lifetime below which it is renewed. With a day between two refreshes, a written entry
	// never has less than writtenAbove. That distinguishes it from entries that packets made.
	refreshBelow = 8 * day
	writtenAbove = 6 * day
)

// maxPasses bounds the passes of one Commit. Each pass finds the entries whose state changed between the read and the
// write of the pass before: few in the second, and usually no entry in the third.
const maxPasses = 4

// Refresh renews the lifetime of entries that have used up some of it.
func (s *sink) Refresh(ctx context.Context) error {
	_, err := s.sweep(ctx, func(f conntrack.Flow) (conntrack.Request, bool, error) {
		return setTimeout(f, lifetime), f.TimeoutSeconds < refreshBelow, nil
	})
	if err != nil {
		return fmt.Errorf("refreshing connections: %w", err)
	}
	return nil
}

// Commit gives each entry the timeout of its state.
//
// It also makes connections liberal (see asStandby) that this unit tracked when it was active earlier. What its kernel
// knows of their windows is out of date, because another unit forwarded them since.
func (s *sink) Commit(ctx context.Context) error {
	if err := s.filter.refresh(); err != nil {
		return err
	}
	timeouts, err := conntrack.ReadTimeouts()
	if err != nil {
		return fmt.Errorf("committing connections: %w", err)
	}
	for pass := range maxPasses {
		changed, err := s.sweep(ctx, func(f conntrack.Flow) (conntrack.Request, bool, error) {
			request, ok := commit(f, timeouts, pass == 0)
			return request, ok, nil
		})
		if err != nil {
			return fmt.Errorf("committing connections: %w", err)
		}
		if changed == 0 {
			return nil
		}
	}
	return nil
}

// commit returns the change that makes an entry the unit's own, and whether it needs one. An entry whose timeout is
// already shorter has seen a packet.
func commit(f conntrack.Flow, timeouts conntrack.Timeouts, first bool) (conntrack.Request, bool) {
	change := setTimeout(f, timeouts.Of(&f))
	written := f.TimeoutSeconds > writtenAbove && change.Flow.TimeoutSeconds < f.TimeoutSeconds
	if !written {
		change.Flow.Fields = 0
	}
	strict := first && isStrict(&f)
	if strict {
		makeLiberal(&change.Flow, &f)
	}
	return change, written || strict
}

// Adopt gives a standby's lifetime and windows to entries that packets made while this unit was active. It also rearms
// their helpers. None of these is a comparable field.
func (s *sink) Adopt(ctx context.Context, visit func(key string, fields []byte) error) error {
	if err := s.filter.refresh(); err != nil {
		return err
	}
	digester := digester{visit: visit}
	_, err := s.sweep(ctx, func(f conntrack.Flow) (conntrack.Request, bool, error) {
		if err := digester.visitFlow(&f, true); err != nil {
			return conntrack.Request{}, false, err
		}
		request, ok := adopt(f)
		return request, ok, nil
	})
	if err != nil {
		return fmt.Errorf("adopting connections: %w", err)
	}
	return nil
}

// adopt returns the change that makes a standby's entry of one that packets made, and whether it needs one.
func adopt(f conntrack.Flow) (conntrack.Request, bool) {
	change := setTimeout(f, lifetime)
	short, tracked := f.TimeoutSeconds < refreshBelow, isTracked(&f)
	if tracked {
		makeLiberal(&change.Flow, &f)
	}
	if hasHelper(&f) {
		change.Flow.Fields |= conntrack.FieldHelper // Rearms the helper, which another unit's packets passed by.
		change.Flow.Helper = f.Helper
	}
	return change, short || tracked || hasHelper(&f)
}

// hasHelper reports whether a helper reads the connection's packets, and may announce other connections.
func hasHelper(f *conntrack.Flow) bool { return f.Fields.Has(conntrack.FieldHelper) && f.Helper != "" }

// isTracked reports whether a kernel learned of a TCP connection from its packets.
func isTracked(f *conntrack.Flow) bool {
	const negotiated, written = conntrack.TCPNegotiatedFlags, conntrack.TCPBeLiberal
	return f.Fields.Has(conntrack.FieldTCPWindow) &&
		(f.TCP.FlagsOrig&^negotiated != written || f.TCP.FlagsReply&^negotiated != written)
}

// isStrict reports whether a kernel checks the packets of a TCP connection against its windows.
func isStrict(f *conntrack.Flow) bool {
	return f.Orig.Protocol == conntrack.ProtocolTCP && f.TCP.State >= conntrack.TCPEstablished &&
		f.TCP.FlagsOrig&f.TCP.FlagsReply&conntrack.TCPBeLiberal == 0
}

// makeLiberal adds to the change of an entry that its windows are no longer checked.
func makeLiberal(change, entry *conntrack.Flow) {
	change.Fields |= conntrack.FieldTCPWindow
	change.TCP = entry.TCP
	beLiberal(&change.TCP)
}

// setTimeout returns the request that sets the timeout of an entry.
func setTimeout(f conntrack.Flow, seconds uint32) conntrack.Request {
	return conntrack.Request{Operation: conntrack.Update, Flow: conntrack.Flow{
		Orig: f.Orig, Reply: f.Reply, Zone: f.Zone, Fields: conntrack.FieldTimeout, TimeoutSeconds: seconds,
	}}
}
