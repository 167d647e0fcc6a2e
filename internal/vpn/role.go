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

	mu      sync.Mutex
	present standing
}

// standing is a role at one time. Without a report of the sidecar, the unit is neither active nor standby.
type standing struct {
	isActive, isStandby bool
	// reports counts what the sidecar reported, and losses how often the contact with it was lost.
	reports, losses uint64
}

func newRole() *role { return &role{changed: notify.New()} }

// set sets what the sidecar reports.
func (r *role) set(reported localapi.Role) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.present.isActive, r.present.isStandby = reported == localapi.Active, reported == localapi.Standby
	r.present.reports++
	r.changed.Notify()
}

// lose records that the sidecar does not answer. It may have forgotten what this unit has.
func (r *role) lose() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.present.isActive, r.present.isStandby = false, false
	r.present.losses++
	r.changed.Notify()
}

// now returns the present role.
func (r *role) now() standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.present
}

// Roles follows the role of the unit until the context ends.
type Roles func(ctx context.Context, set func(localapi.Role), lost func())
