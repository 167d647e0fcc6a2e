package heartbeat

import (
	"sync/atomic"

	"github.com/hapair-io/hapair/internal/heartbeat/seal"
)

// Refusal is why a datagram that came is not passed on.
type Refusal = seal.Refusal

// Counters are what happened since Listen.
type Counters struct {
	// Sent counts datagrams that the network took, Unsent those that it did not.
	Sent, Unsent uint64
	// Received counts the messages that were passed on.
	Received uint64
	// Refused counts the datagrams that were not, by why; every refusal is in it.
	Refused map[Refusal]uint64
	// Failures counts errors of the socket itself.
	Failures uint64
}

// tally is what counts.
type tally struct {
	sent, unsent, received, failures atomic.Uint64
	refused                          [seal.RefusedContent + 1]atomic.Uint64
}

// Counters are what happened until now.
func (l *Link) Counters() Counters {
	c := Counters{
		Sent: l.tally.sent.Load(), Unsent: l.tally.unsent.Load(), Received: l.tally.received.Load(),
		Failures: l.tally.failures.Load(), Refused: map[Refusal]uint64{},
	}
	for _, refusal := range seal.Refusals() {
		c.Refused[refusal] = l.tally.refused[refusal].Load()
	}
	return c
}
