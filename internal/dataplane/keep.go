package dataplane

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/lasting"
	"github.com/hapair-io/hapair/internal/notify"
)

const (
	// lookInterval is the time between regular looks.
	lookInterval = time.Second
	// faultAfter is how long something must be missing before it is a fault. What is put back at once is not a fault.
	faultAfter = time.Second
)

// Run keeps the rules, the routes and the interfaces until the context ends: what somebody else removes, adds or
// changes is set right at once. It calls changed with an error when something could not be set right for a second, or
// when another program continues for some seconds. It calls changed with nil when that is over. It leaves everything in
// place when it returns.
func (p *Plane) Run(ctx context.Context, changed func(error)) {
	moved := notify.New()
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { p.follow(ctx, moved) })
	fault := lasting.Fault{After: faultAfter}
	moved.Watch(ctx, func() time.Duration {
		err := p.Set()
		if disturbance := p.disturbance(); disturbance != "" {
			err = errors.Join(err, errors.New(disturbance))
		}
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
		if p.isSettling() {
			return settlingInterval
		}
		return lookInterval
	})
}

// follow signals changes. If that fails, the regular looks remain.
func (p *Plane) follow(ctx context.Context, moved notify.Signal) {
	moved.Follow(ctx, rtnetlink.FollowRoutes, lookInterval, func(err error) {
		p.Log.Error(err, "Following changes of routes and rules failed, trying again")
	})
}
