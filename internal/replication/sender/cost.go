package sender

import "sync/atomic"

// cost counts what a class costs while this unit is active.
type cost struct {
	bytes   atomic.Uint64
	entries atomic.Int64
	counted atomic.Bool
}

// setEntries records how many entries this unit has.
func (c *cost) setEntries(n uint64) {
	c.entries.Store(int64(n)) //nolint:gosec // No table has so many entries.
	c.counted.Store(true)
}
