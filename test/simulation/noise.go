package simulation

import (
	"math/rand/v2"
	"time"
)

// noise is one stream of chance.
type noise struct {
	source rand.PCG
}

func (n *noise) seed(seed, stream uint64) { n.source.Seed(seed, stream) }

// below draws evenly from [0, bound).
func (n *noise) below(bound int64) int64 {
	if bound <= 0 {
		return 0
	}
	return int64(n.source.Uint64() % uint64(bound)) // The bias is below one in a thousand million.
}

// upTo draws evenly from [0, d).
func (n *noise) upTo(d time.Duration) time.Duration { return time.Duration(n.below(int64(d))) }

// between draws evenly from [low, high).
func (n *noise) between(low, high time.Duration) time.Duration { return low + n.upTo(high-low) }

// chance draws true in percent of the cases.
func (n *noise) chance(percent int) bool { return n.below(100) < int64(percent) }

// pick draws one of the values.
func pick[T any](n *noise, values ...T) T { return values[n.below(int64(len(values)))] }
