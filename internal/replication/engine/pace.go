package engine

import (
	"context"
	"time"
)

const (
	// paceEntries is after how many entries of a table a gentle look at it pauses.
	paceEntries = 512
	// paceShare is how many times as long as it took.
	paceShare = 3
)

// pace keeps a look at a table that nobody waits for from taking a processor for itself.
type pace struct {
	gentle  bool
	entries int
	since   time.Time
}

// step comes after each entry.
func (p *pace) step(ctx context.Context) error {
	if p.entries++; !p.gentle || p.entries%paceEntries != 0 {
		return nil
	}
	if took := time.Since(p.since); took > 0 && !sleep(ctx, paceShare*took) {
		return ctx.Err()
	}
	p.since = time.Now()
	return nil
}
