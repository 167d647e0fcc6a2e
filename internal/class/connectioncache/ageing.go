package connectioncache

import (
	"context"
	"fmt"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// A standby sees no packets, so nothing there refreshes a time-out, and the active's kernel tells nobody when a packet
// refreshes one: a standby's entry must live until it is told of its end. It could be given no end at all only by a
// fixed time-out, which could not be taken back. So it gets a lifetime that is far longer than any time-out of a
// connection, and is refreshed each day (class.RefreshInterval) once some of it has passed.
//
// At promotion nothing must be done before packets flow: the first packet of a connection sets the time-out of its
// state. What is left are the connections that stay silent. Commit gives them, in the background, what they would have
// had if their last packet had come at the promotion.
const (
	day      = 24 * 60 * 60
	lifetime = 10 * day
	// refreshBelow is when a lifetime is refreshed. With a day between two looks an entry never has less than
	// writtenAbove, by which entries that were written are told from those that packets made.
	refreshBelow = 8 * day
	writtenAbove = 6 * day
)

// maxPasses bounds the passes of one Commit. Each finds only those entries that changed their state just between being
// read and written by the one before, of which the second finds few and the third none.
const maxPasses = 4

// Refresh gives a new lifetime to entries that have used up some of theirs.
func (s *sink) Refresh(ctx context.Context) error {
	_, err := s.sweep(ctx, func(f conntrack.Flow) (conntrack.Request, bool, error) {
		return setTimeout(f, lifetime), f.TimeoutSeconds < refreshBelow, nil
	})
	if err != nil {
		return fmt.Errorf("refreshing connections: %w", err)
	}
	return nil
}

// Commit gives each entry the time-out of its state.
//
// It also makes connections liberal (see asStandby) that this unit tracked in an earlier life as active and was not
// sent anew since: what its kernel knows of their windows is from before another unit forwarded them.
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

// commit is what an entry lacks to be the unit's own. An entry whose time-out is already shorter has seen a packet.
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

// Adopt gives a standby's lifetime and windows to entries that packets made while this unit was active.
func (s *sink) Adopt(ctx context.Context) error {
	if err := s.filter.refresh(); err != nil {
		return err
	}
	_, err := s.sweep(ctx, func(f conntrack.Flow) (conntrack.Request, bool, error) {
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
	return change, short || tracked
}

// isTracked tells whether a kernel learned of a TCP connection from its packets.
func isTracked(f *conntrack.Flow) bool {
	const negotiated, written = conntrack.TCPNegotiatedFlags, conntrack.TCPBeLiberal
	return f.Fields.Has(conntrack.FieldTCPWindow) &&
		(f.TCP.FlagsOrig&^negotiated != written || f.TCP.FlagsReply&^negotiated != written)
}

// isStrict tells whether a kernel holds a TCP connection to the windows that it believes in.
func isStrict(f *conntrack.Flow) bool {
	return f.Orig.Protocol == conntrack.ProtocolTCP && f.TCP.State >= conntrack.TCPEstablished &&
		f.TCP.FlagsOrig&f.TCP.FlagsReply&conntrack.TCPBeLiberal == 0
}

// makeLiberal adds to a change of an entry that it is liberal from then on.
func makeLiberal(change, entry *conntrack.Flow) {
	change.Fields |= conntrack.FieldTCPWindow
	change.TCP = entry.TCP
	beLiberal(&change.TCP)
}

func setTimeout(f conntrack.Flow, seconds uint32) conntrack.Request {
	return conntrack.Request{Operation: conntrack.Update, Flow: conntrack.Flow{
		Orig: f.Orig, Reply: f.Reply, Zone: f.Zone, Fields: conntrack.FieldTimeout, TimeoutSeconds: seconds,
	}}
}
