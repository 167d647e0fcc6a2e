package sender

import (
	"sync/atomic"
	"time"

	"github.com/hapair-io/hapair/internal/replication/protocol"
)

// Counters count for all senders of one session, one after the other. The methods are safe for concurrent use.
type Counters struct {
	positions   *protocol.Positions
	lastBarrier atomic.Uint64
	resyncs     atomic.Uint64
	lag         atomic.Int64
}

// NewCounters returns counters for a session whose frames have the given positions.
func NewCounters(positions *protocol.Positions) *Counters { return &Counters{positions: positions} }

// Resyncs returns how often a class was compared again because changes were lost.
func (c *Counters) Resyncs() uint64 { return c.resyncs.Load() }

// Lag returns the age that the oldest change of the last acknowledged frame had when the standby had written it.
func (c *Counters) Lag() time.Duration { return time.Duration(c.lag.Load()) }
