package ha

import (
	"time"

	"github.com/hapair-io/hapair/internal/contract"
)

// Isolation is a policy for an active that lost both its peer and the witness. Units and the operator share it.
type Isolation = contract.Isolation

const (
	// Fence lets the permit run out. Two units are never active, but sometimes no unit is.
	Fence = contract.IsolationFence
	// KeepForwarding extends the permit, since the peer may be as isolated. One unit is always active, but sometimes
	// both are.
	KeepForwarding = contract.IsolationKeepForwarding
)

// extendsAlone reports whether the policy lets an active extend its own permit when nobody else does.
func (c Config) extendsAlone() bool {
	switch c.Isolation {
	case KeepForwarding:
		return true
	case Fence:
		return false
	}
	return false
}

// keepForwarding extends the permit by the policy KeepForwarding, when it is about to end.
func (t *transition) keepForwarding() {
	if !t.config.extendsAlone() {
		return
	}
	endsSoon := t.Permit().Deadline - t.config.isolatedPermit()/4
	t.wakeAt(endsSoon)
	if t.reached(endsSoon) {
		t.isolated = t.at + t.config.isolatedPermit()
	}
}

// isolatedPermit returns how long a permit of the policy lasts.
func (c Config) isolatedPermit() time.Duration {
	if c.Grant == 0 {
		return c.LeaseDuration / 3
	}
	return c.Grant
}
