package gateway

import (
	"errors"
	"fmt"

	"github.com/hapair-io/hapair/internal/firewall/algs/segment"
	"github.com/hapair-io/hapair/internal/firewall/algs/stream"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// change replaces bytes of a stream, from an offset on.
type change struct {
	offset, replaced int
	bytes            []byte
}

func (c change) difference() int { return len(c.bytes) - c.replaced }

var (
	// errPassed reports a change of bytes that the receiver has already.
	errPassed = errors.New("a part of the message was sent before the rest came")
	// errNoRoom reports a change of a length that the kernel does not follow.
	errNoRoom = errors.New("the kernel does not adjust the sequence numbers of the connection, which it only does with " +
		"the module nf_conntrack_sane")
)

// edit makes a change in a segment of a control connection. If it changes the length, the kernel adjusts the sequence
// numbers and acknowledgements of the connection from then on. These adjustments are a part of the connection's state,
// so another unit makes the same ones.
func (e entries) edit(s *segment.Segment, t *stream.Stream, control conntrack.Flow, c change) error {
	if !t.CanEdit(c.offset, c.replaced, c.difference() == 0, s.Sequence, s.Payload) {
		return errPassed
	}
	if c.difference() != 0 {
		if err := e.adjust(s, control, t.LastKept(c.offset, c.replaced, len(c.bytes)), c.difference()); err != nil {
			return err
		}
	}
	t.Edit(c.offset, c.replaced, c.bytes, s.Sequence, s.Payload)
	return nil
}

// adjust makes the kernel adjust the sequence numbers of a segment's direction. They differ for what follows the last
// byte that keeps its place. It reads the entry again, because the kernel accepts the request without room for it.
func (e entries) adjust(s *segment.Segment, control conntrack.Flow, last uint32, difference int) error {
	update := conntrack.Flow{
		Fields: conntrack.FieldSeqAdj, Orig: control.Orig, Reply: control.Reply, Zone: control.Zone,
		SeqAdjOrig: control.SeqAdjOrig, SeqAdjReply: control.SeqAdjReply,
	}
	direction := &update.SeqAdjReply
	if s.Source.Addr() == control.Orig.Src && s.Source.Port() == control.Orig.SrcPort {
		direction = &update.SeqAdjOrig
	}
	changed, err := direction.Change(s.Sequence, last, int32(difference)) //nolint:gosec // A payload is short.
	if err != nil || changed == *direction {
		return err
	}
	*direction = changed
	if _, err := e.do(conntrack.Update, update); err != nil {
		return fmt.Errorf("adjusting the sequence numbers of the control connection: %w", err)
	}
	found, err := e.do(conntrack.Get, conntrack.Flow{Orig: control.Orig, Zone: control.Zone})
	if err != nil {
		return fmt.Errorf("reading the sequence numbers of the control connection: %w", err)
	}
	if found.SeqAdjOrig != update.SeqAdjOrig || found.SeqAdjReply != update.SeqAdjReply {
		return errNoRoom
	}
	return nil
}

// edited returns what becomes of a segment, and its payload with all edits. A segment without a byte left is dropped.
func edited(t *stream.Stream, s *segment.Segment, v verdict) (verdict, []byte) {
	payload := t.Edited(s.Sequence, s.Payload)
	if payload != nil && len(payload) == 0 {
		return drop, nil
	}
	return v, payload
}
