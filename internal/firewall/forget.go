package firewall

import (
	"context"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/notify"
)

// forgetPause is the least time between two times that all sources are forgotten. It bounds what many changes of routes
// cost. The first of them is answered at once.
const forgetPause = 50 * time.Millisecond

// forgetSources makes the kernel check all sources again after each change of routes, rules, addresses and interfaces,
// until ctx ends. If it cannot, the kernel does so after ruleset.SourceCacheLifetime.
func (f *Firewall) forgetSources(ctx context.Context) {
	changed := notify.New()
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() {
		changed.Follow(ctx, rtnetlink.FollowRoutes, retryPause, func(err error) {
			f.config.Log.Error(err, "Following changes of routes and rules failed, trying again")
		})
	})
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
		if err := f.forget(); err != nil {
			f.config.Log.Error(err, "Forgetting which sources were checked")
		}
		if !backoff.Sleep(ctx, forgetPause) {
			return
		}
	}
}

// forget empties the caches. The kernel counts that as a change of its rules, which needs no verification.
func (f *Firewall) forget() error {
	f.changing.Lock()
	defer f.changing.Unlock()
	before, err := f.config.Kernel.Generation()
	if err != nil {
		return err
	}
	// Without a transaction of its own, it must not take another program's for it.
	if done, err := f.config.Kernel.ForgetSources(plan.Table, plan.SourceCaches()); err != nil || !done {
		return err
	}
	if after, err := f.config.Kernel.Generation(); err == nil && nftables.Follows(after, before) {
		f.generation.CompareAndSwap(before, after)
	}
	return nil
}
