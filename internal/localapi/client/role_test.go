package client_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/hapair-io/hapair/internal/localapi"
)

// TestFollowRole has a process that only follows the role. It learns when its sidecar is gone.
func TestFollowRole(t *testing.T) {
	p := newPair(t, true)
	var mu sync.Mutex
	var roles []localapi.Role
	add := func(role localapi.Role) {
		mu.Lock()
		defer mu.Unlock()
		roles = append(roles, role)
	}
	const lost localapi.Role = "Lost"
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	following.Go(func() { p.primary.client().FollowRole(ctx, add, func() { add(lost) }) })
	has := func(want ...localapi.Role) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return slices.Equal(roles, want)
		}
	}
	eventually(t, "the process knows that the unit is active", has(localapi.Active))
	p.switchover(p.primary, p.secondary, 2)
	eventually(t, "the process knows that the unit is standby", has(localapi.Active, localapi.Standby))
	cancel()
	following.Wait()
	if !has(localapi.Active, localapi.Standby, lost)() {
		t.Errorf("got the roles %v", roles)
	}
}
