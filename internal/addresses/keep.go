package addresses

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/notify"
)

const (
	// inspectInterval is the time between regular inspections. They also repeat what failed.
	inspectInterval = time.Second
	// inspectPause is how long notifications are collected, so that many at once cost one inspection. A promotion, whose
	// changes are notified too, is over by then.
	inspectPause = 20 * time.Millisecond
)

// Keep keeps the host as Set has left it, until the context ends. What disappears while the addresses are attached is
// put back and announced, as long as that is permitted: addresses, the virtual MAC, and all of them on an interface
// that was replaced under its name. What somebody adds while they are withdrawn is removed. Keep calls changed with the
// states of all networks at first and whenever one changes. Call it once.
//
// It inspects the interfaces after each notification of the kernel, and once a second.
func (a *Addresses) Keep(ctx context.Context, changed func([]State)) {
	notices := notify.New()
	var following sync.WaitGroup
	defer following.Wait()
	following.Go(func() { a.followHost(ctx, notices) })
	ticker := time.NewTicker(inspectInterval)
	defer ticker.Stop()
	var told []State
	for {
		a.inspect()
		if states := a.states(); !slices.Equal(states, told) {
			told = states
			changed(states)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			continue
		case <-a.paces.again():
			continue
		case <-a.noted:
		case <-notices:
		}
		if !backoff.Sleep(ctx, inspectPause) {
			return
		}
	}
}

// followHost signals changes of interfaces and addresses. While that fails, the regular inspections remain.
func (a *Addresses) followHost(ctx context.Context, notices notify.Signal) {
	notices.Follow(ctx, a.follow, inspectInterval, func(err error) {
		a.Log.Error(err, "Following changes of the virtual addresses failed, trying again")
	})
}
