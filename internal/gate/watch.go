package gate

import (
	"context"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/notify"
)

const (
	// watchInterval is the longest time between two looks at the clock. The timers of the process stop while the machine
	// is suspended, and the boot clock does not.
	watchInterval = 100 * time.Millisecond
	// stopInterval replaces it while the gate is open and a second clock can show that the machine was stopped together
	// with its boot clock. The gate of a machine that continues forwards for so long at most.
	stopInterval = 5 * time.Millisecond
	// inspectInterval is the time between regular inspections, in case a notification was lost.
	inspectInterval = time.Second
	// inspectPause is how long changes are collected, so that many at once cost one inspection.
	inspectPause = 20 * time.Millisecond
)

// Run watches the host until the context ends. It passes changes of the unit's own addresses to the closed gate, puts
// the gate back on interfaces that lost it, and notes when a deadline has passed. It leaves the gate as it is.
//
// Run calls repaired with what was wrong after the gate was put back or set right. Several repairs in quick succession
// may cause one call.
//
// No deadline of the gate depends on it.
func (g *Gate) Run(ctx context.Context, repaired func(wrong error)) {
	removed := notify.New()
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { g.watchDeadline(ctx) })
	parts.Go(func() { g.reportRepairs(ctx, repaired) })
	parts.Go(func() { g.follow(ctx, "interfaces and addresses", rtnetlink.FollowHost, g.altered) })
	parts.Go(func() { g.follow(ctx, "the gate", g.barrier.follow, removed) })
	g.keep(ctx, removed)
}

// reportRepairs calls repaired after repairs, until the context ends.
func (g *Gate) reportRepairs(ctx context.Context, repaired func(wrong error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.repaired:
			repaired(*g.wrong.Load())
		}
	}
}

// keep inspects the gate regularly, and soon after something has changed.
func (g *Gate) keep(ctx context.Context, removed notify.Signal) {
	defer g.last.changed()
	ticker := time.NewTicker(inspectInterval)
	defer ticker.Stop()
	logged := ""
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			g.host.repeat()
		case <-g.altered:
			if !backoff.Sleep(ctx, inspectPause) {
				return
			}
		case <-removed:
			// A gate that was removed is put back at once, unless somebody removes it again and again. Nothing else is looked
			// at before, since a unit without a gate may forward.
			if !backoff.Sleep(ctx, inspectPause-time.Since(last)) {
				return
			}
			if wrong, err := g.barrier.restore(); err != nil {
				g.log.Error(err, "Putting back the gate")
			} else {
				g.noteRepair(wrong)
			}
		}
		changes, began := g.last.begin(), g.options.Now()
		_, err := g.inspect()
		g.last.end(changes, began, err == nil)
		last = time.Now()
		switch {
		case err == nil:
			logged = ""
		case err.Error() != logged:
			logged = err.Error()
			g.log.Error(err, "Inspecting the gate failed, Set closes it until that succeeds")
		}
	}
}

// follow signals changes of something. If that fails, the regular inspections remain.
func (g *Gate) follow(
	ctx context.Context, what string, changes func(context.Context, func()) error, signal notify.Signal,
) {
	noted := func(ctx context.Context, changed func()) error {
		defer g.last.changed()
		return changes(ctx, func() {
			g.last.changed() // before the signal, so that Set does not rely on what was seen before
			changed()
		})
	}
	signal.Follow(ctx, noted, inspectInterval, func(err error) {
		g.log.Error(err, "Following changes failed, trying again", "of", what)
	})
}

// watchDeadline notes when the deadline has passed, and closes the gate once more. The kernel has closed it before,
// unless the machine was stopped. A timeout of nftables stands still while the machine is suspended, and the boot clock
// does not. And the boot clock stands still while some hypervisors stop the machine, and the unit's clock does not.
func (g *Gate) watchDeadline(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.moved:
		case <-timer.C:
		}
		timer.Reset(g.enforce())
	}
}

// enforce closes a gate whose deadline has passed and returns how long it needs no attention.
func (g *Gate) enforce() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.until == 0 {
		return time.Hour // Set wakes the watcher.
	}
	if left := g.until - g.options.Now(); left > 0 {
		return min(left, g.correct())
	}
	g.log.Info("Gate closed at its deadline", "deadline", g.until)
	if err := g.close(); err != nil {
		g.log.Error(err, "Closing the gate at its deadline once more failed, trying again")
		return watchInterval
	}
	return time.Hour
}

// correct sets the deadline again if the kernel's clock was stopped since, and returns how long to wait until the next
// look.
func (g *Gate) correct() time.Duration {
	if g.options.Ahead == nil {
		return watchInterval
	}
	if g.options.ahead() != g.ahead {
		if err := g.setDeadline(g.until); err != nil {
			g.log.Error(err, "Closing the gate, because its deadline after a stop of the machine could not be set",
				"closing", g.close())
		}
	}
	return stopInterval
}
