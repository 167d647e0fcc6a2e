package firewall

import (
	"context"
	"maps"

	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/notify"
)

// followLinks signals each change of an interface: the limits of segments follow its MTU. If that fails, the regular
// comparison remains. That is also what finds a changed address of the pod, which is rare: reading addresses at each
// change would take the kernel's lock on interfaces while a unit takes over.
func (f *Firewall) followLinks(ctx context.Context, changed notify.Signal) {
	changed.Follow(ctx, rtnetlink.FollowLinks, retryPause, func(err error) {
		f.config.Log.Error(err, "Following changes of interfaces, trying again")
	})
}

// refit applies the ruleset again after an interface got another MTU or network, or was made with another one. It
// reports whether it did. Otherwise connections would hang on a link that became narrower. The sidecar compares the
// kernel with what fits the interfaces, and would close the gate.
func (f *Firewall) refit() bool {
	if f.applied == nil {
		return false
	}
	inputs := nftables.Inputs(*f.applied)
	if maps.Equal(inputs, f.inputs) {
		return false
	}
	f.config.Log.Info("Applying the ruleset for changed interfaces", "document", f.inForce, "interfaces", inputs)
	if err := f.replace(*f.applied); err != nil {
		f.config.Log.Error(err, "Applying the ruleset for changed interfaces")
		return false
	}
	return true
}
