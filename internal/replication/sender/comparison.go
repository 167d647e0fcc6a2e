package sender

import (
	"math/rand/v2"

	"github.com/hapair-io/hapair/internal/replication/audit"
	"github.com/hapair-io/hapair/internal/replication/queue"
	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

// comparison is a comparison of both units' tables. The standby is asked for the digests of its own.
type comparison struct {
	generation uint64
	seed       uint64
	// after marks the changes that are sent before the request.
	after queue.Mark
	sent  bool
	// touched is the part of the table that changes during the comparison. It is nil if no changes are sent meanwhile.
	touched *audit.Scope
	answer  chan *wire.Digests // holds one
}

// newComparison returns a comparison whose request is not sent yet. In an audit, changes are sent meanwhile.
func newComparison(generation uint64, after queue.Mark, isAudit bool) *comparison {
	c := &comparison{generation: generation, seed: rand.Uint64(), after: after, answer: make(chan *wire.Digests, 1)}
	if isAudit {
		c.touched = audit.NewScope(c.seed)
	}
	return c
}

// isAudit reports whether changes are sent meanwhile.
func (c *comparison) isAudit() bool { return c.touched != nil }

// touch records that an entry changed, or that the standby may not have it.
func (c *comparison) touch(key string) {
	if c.touched != nil {
		c.touched.Add(key)
	}
}

// request returns the request if it is to be sent now; otherwise nil.
func (c *comparison) request(class state.Class, q *queue.Queue, position, term uint64) wire.Frame {
	if c.sent || !q.Passed(c.after) {
		return nil
	}
	c.sent = true
	return &wire.DigestRequest{
		Class: class, Term: term, Position: position, Generation: c.generation, Seed: c.seed, Background: c.isAudit(),
	}
}

// receive takes the standby's answer, unless it is to an earlier request.
func (c *comparison) receive(f *wire.Digests) {
	if c.generation != f.Generation {
		return
	}
	select {
	case c.answer <- f:
	default:
	}
}

// isUsable reports whether the standby's answer can be compared with this unit's digest. A peer of another version may
// divide its table differently. A standby without entries is sent all of them, unless it should have some.
func (c *comparison) isUsable(theirs *wire.Digests) bool {
	if theirs.Entries == 0 {
		return theirs.Known && c.isAudit()
	}
	return theirs.Known && len(theirs.Sums) == audit.Buckets
}
