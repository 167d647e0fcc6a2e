package dataplane

import (
	"context"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/lasting"
	"github.com/hapair-io/hapair/internal/notify"
)

const (
	// settlePause is how long changes are collected before they are answered, so that many at once cost one look.
	settlePause = 10 * time.Millisecond
	// restPause is the time between two looks while changes go on. It bounds what a program that keeps removing routes can
	// cost.
	restPause = 50 * time.Millisecond
	// lookInterval is the time between regular looks.
	lookInterval = time.Second
	// faultAfter is how long something must be missing before it is a fault. What is put back at once is not a fault.
	faultAfter = time.Second
)

// Run keeps the rules and routes until the context ends: what somebody else removes or adds is set right at once. It
// calls changed with an error when something could not be set right for a second, and with nil when that is over. It
// leaves everything in place when it returns.
func (p *Plane) Run(ctx context.Context, changed func(error)) {
	moved := notify.New()
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { p.follow(ctx, moved) })
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	fault := lasting.Fault{After: faultAfter}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-moved:
			if !backoff.Sleep(ctx, settlePause) {
				return
			}
		}
		err := p.Set()
		text := ""
		if err != nil {
			text = err.Error()
		}
		if fault.Observe(text) {
			if err != nil {
				p.Log.Error(err, "Keeping routes and rules of the data plane failed, trying again")
			}
			changed(err)
		}
		if !backoff.Sleep(ctx, restPause) {
			return
		}
	}
}

// follow signals changes. If that fails, the regular looks remain.
func (p *Plane) follow(ctx context.Context, moved notify.Signal) {
	moved.Follow(ctx, rtnetlink.FollowRoutes, lookInterval, func(err error) {
		p.Log.Error(err, "Following changes of routes and rules failed, trying again")
	})
}
