package conntrack

import "errors"

// ErrAdjusted reports a change of a length that the kernel cannot take any more, because a later one is in force.
var ErrAdjusted = errors.New("sequence numbers are adjusted at a later position")

// Change returns the correction of a direction after the length of a payload in it has changed. The payload begins at a
// sequence number, and the last byte that was replaced has another one; both are those of the sender. A change that is
// in force already, because the segment is repeated, changes nothing.
//
// The kernel has one position (nf_ct_seqadj_set in nf_conntrack_seqadj.c). A segment that begins there or before has
// the earlier offset, so the replaced bytes of a change may be repeated in parts.
func (s SeqAdj) Change(payload, last uint32, difference int32) (SeqAdj, error) {
	isChanged := s.OffsetBefore != s.OffsetAfter
	switch {
	case isChanged && s.CorrectionPos == last && s.OffsetAfter-s.OffsetBefore == difference:
		return s, nil
	case isChanged && int32(payload-s.CorrectionPos) <= 0:
		return s, ErrAdjusted
	}
	return SeqAdj{CorrectionPos: last, OffsetBefore: s.OffsetAfter, OffsetAfter: s.OffsetAfter + difference}, nil
}
