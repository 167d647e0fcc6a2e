package gate

import (
	"context"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

const (
	// watchInterval is how often the watchman looks at the clock at the least. The timers of the process do not advance
	// while the machine is suspended, and the boot clock does.
	watchInterval = 100 * time.Millisecond
	// inspectInterval is how often the interfaces are looked at although nothing was heard of them: nobody tells when a
	// ruleset is flushed.
	inspectInterval = time.Second
	// inspectPause is how long changes are gathered, so that many at once cost one look.
	inspectPause = 20 * time.Millisecond
)

// Run follows what changes on the host, until the context ends: the unit's own addresses, which the closed gate passes,
// and the interfaces, to which the gate is put back when they come back without it. It notes when a deadline has
// passed. It leaves the gate as it is.
//
// Nothing that the gate promises for a deadline depends on it.
func (g *Gate) Run(ctx context.Context) {
	changed := make(chan struct{}, 1)
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { g.watchDeadline(ctx) })
	parts.Go(func() { g.follow(ctx, changed) })
	ticker := time.NewTicker(inspectInterval)
	defer ticker.Stop()
	told := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-changed:
			if !pause(ctx, inspectPause) {
				return
			}
		}
		err := g.inspect()
		switch {
		case err == nil:
			told = ""
		case err.Error() != told:
			told = err.Error()
			g.log.Error(err, "Looking after the gate; Set closes it until that succeeds")
		}
	}
}

// follow tells of changes on the host. Where that fails, the regular looks are what is left.
func (g *Gate) follow(ctx context.Context, changed chan<- struct{}) {
	for {
		err := rtnetlink.FollowHost(ctx, func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		})
		if ctx.Err() != nil {
			return
		}
		g.log.Error(err, "Following changes of interfaces and addresses")
		if !pause(ctx, inspectInterval) {
			return
		}
	}
}

// pause is false when the context has ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// watchDeadline is the watchman: it notes when the deadline has passed, and closes once more. The kernel has done so
// before; but a time-out stands still while the machine is suspended, and the boot clock does not.
func (g *Gate) watchDeadline(ctx context.Context) {
	for {
		timer := time.NewTimer(g.enforce())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-g.moved:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// enforce closes a gate whose deadline has passed and returns how long it can be left alone.
func (g *Gate) enforce() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.until == 0 {
		return time.Hour // Set wakes the watchman.
	}
	if left := g.until - g.options.Now(); left > 0 {
		return min(left, watchInterval)
	}
	g.log.Info("The gate has closed at its deadline", "deadline", g.until)
	if err := g.close(); err != nil {
		g.log.Error(err, "Closing the gate at its deadline once more")
		return watchInterval
	}
	return time.Hour
}
