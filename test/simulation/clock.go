package simulation

import "time"

// never is after everything.
const never = time.Duration(1<<63 - 1)

const million = 1_000_000

// The units in which faults are told.
const (
	second = time.Second
	ms     = time.Millisecond
)

// clock is the boot clock of a node. Its rate is exact, so that the bound on drift is too.
type clock struct {
	// booted is when it began, in true time, and offset what it showed then.
	booted, offset time.Duration
	// ppm is how much faster it runs than true time, in parts of a million.
	ppm int64
}

// at returns the reading of the clock at a true instant.
func (c *clock) at(t time.Duration) time.Duration {
	d := t - c.booted
	return c.offset + d + d*time.Duration(c.ppm)/million
}

// when returns the first true instant at which the clock shows the local one or later.
func (c *clock) when(local time.Duration) time.Duration {
	d := local - c.offset
	if d <= 0 {
		return c.booted
	}
	if d > time.Hour {
		return never
	}
	t := c.booted + time.Duration(int64(d)/(million+c.ppm)*million+int64(d)%(million+c.ppm)*million/(million+c.ppm))
	for c.at(t) < local {
		t++
	}
	for t > c.booted && c.at(t-1) >= local {
		t--
	}
	return t
}
