package ha

import "github.com/hapair-io/hapair/internal/contract"

// maxFirst bounds the first term that a unit sees. Above it there must be room for all terms to come.
const maxFirst = 1 << 30

// newestTerm returns the newest term that the unit knows.
func (m Machine) newestTerm() uint64 { return max(m.lease.highest, m.outranked, m.claim.term) }

// isPlausible reports whether a unit can have reached the term. A person may have written any number into the Lease.
// Taken for a term, the largest one would leave none for the next holder.
func (m Machine) isPlausible(term uint64) bool {
	newest := m.newestTerm()
	if newest == 0 {
		return term <= maxFirst
	}
	return term <= newest+contract.MaxTermsAhead
}

// correctTerm replaces a term that no unit can have written, and which therefore hides the true one. Without a permit,
// others may have held the Lease since. The unit then starts a tenure that waits until their permits are over.
func (t *transition) correctTerm(r Record) Record {
	isOwn := r.Holder == t.config.Self
	isLowered := isOwn && t.servesTenure() && r.Term < t.tenure.term
	if t.isPlausible(r.Term) && !isLowered {
		return r
	}
	r.TermInvalid = true
	switch {
	case r.Version == t.lease.record.Version:
		r.Term = t.lease.record.Term
	case !isOwn:
		r.Term = t.lease.highest
	case t.servesTenure():
		r.Term = t.tenure.term
	default:
		r.Term = t.newestTerm() + 1
	}
	return r
}

// servesTenure reports whether this unit has a permit of its tenure. While it has one, nobody else became active, so a
// Lease that names it in another term was changed by somebody else.
func (m Machine) servesTenure() bool { return m.tenure.term != 0 && m.Permit().isValid(m.now) }

// renameTenure continues the tenure in a later term that somebody wrote. The peer may have taken that term for the true
// one, and would refuse an earlier one. Replication starts again in that term, so a switchover must flush again.
func (t *transition) renameTenure(term uint64) {
	t.tenure.term = term
	t.handover = handover{}
	t.syncChanged(false)
	if t.task.Role == Active {
		t.task.Term = term
		t.emit(t.task)
	}
}
