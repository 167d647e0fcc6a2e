package simulation

import "time"

// maxTerms bounds the terms whose state is followed.
const maxTerms = 40

// table is the state in a node's kernel. An active makes state all the time; so that of a term is known by the instant
// up to which it is there.
type table struct {
	upTo [maxTerms]time.Duration
}

// has notes that the state of the term is there up to the instant.
func (t *table) has(term uint64, upTo time.Duration) {
	if term < maxTerms {
		t.upTo[term] = max(t.upTo[term], upTo)
	}
}

// of returns the instant up to which the state of the term is there.
func (t *table) of(term uint64) time.Duration { return t.upTo[min(term, maxTerms-1)] }

// produce brings the table up to date with what went through the gate.
func (u *unit) produce() {
	if g := &u.gate; g.closesAt > 0 {
		u.table.has(g.term, min(u.world.now, g.closesAt))
	}
}

// ledger has what a standby acknowledged.
type ledger struct {
	upTo [maxTerms]time.Duration
	// newest is the term of the newest active. An acknowledgement of older state comes too late for anybody.
	newest uint64
}

func (l *ledger) acknowledged(term uint64, upTo time.Duration) {
	if term >= l.newest && term < maxTerms {
		l.upTo[term] = max(l.upTo[term], upTo)
	}
}

// missing returns the first term of which the table has less than is wanted, and 0 when it has everything.
func (t *table) missing(wanted *[maxTerms]time.Duration) uint64 {
	for term := range wanted {
		if t.upTo[term] < wanted[term] {
			return uint64(term)
		}
	}
	return 0
}

// forget accepts what the table does not have as lost.
func (l *ledger) forget(t *table) {
	for term := range l.upTo {
		l.upTo[term] = min(l.upTo[term], t.upTo[term])
	}
}
