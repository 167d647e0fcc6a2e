package vpn

import (
	"context"
	"sync"

	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/notify"
)

// role is the role of the unit, as the sidecar reports it. Its methods may be called at once.
type role struct {
	changed notify.Signal

	mu       sync.Mutex
	isActive bool
	isKnown  bool
	// reports counts what the sidecar reported, and losses how often the contact with it was lost.
	reports, losses uint64
}

// standing is a role at one time.
type standing struct {
	isActive, isStandby bool
	reports, losses     uint64
}

func newRole() *role { return &role{changed: notify.New()} }

// set sets what the sidecar reports.
func (r *role) set(reported localapi.Role) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.isActive, r.isKnown = reported == localapi.Active, reported != localapi.None
	r.reports++
	r.changed.Notify()
}

// lose records that the sidecar does not answer. It may have forgotten what this unit has.
func (r *role) lose() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.isActive, r.isKnown = false, false
	r.losses++
	r.changed.Notify()
}

func (r *role) now() standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	return standing{
		isActive: r.isActive, isStandby: r.isKnown && !r.isActive, reports: r.reports, losses: r.losses,
	}
}

// Roles follows the role of the unit until the context ends.
type Roles func(ctx context.Context, set func(localapi.Role), lost func())
