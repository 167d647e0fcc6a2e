package firewall

import (
	"context"
	"maps"

	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/notify"
)

// followLinks signals each change of an interface: the limits of segments follow its MTU. If that fails, the regular
// comparison remains.
func (f *Firewall) followLinks(ctx context.Context, changed notify.Signal) {
	changed.Follow(ctx, rtnetlink.FollowLinks, retryPause, func(err error) {
		f.config.Log.Error(err, "Following changes of interfaces, trying again")
	})
}

// resize applies the ruleset again after an interface got another MTU, or was made with another one. It reports whether
// it did. Otherwise connections would hang on a link that became narrower. The sidecar compares the kernel with the
// limits that fit the MTU, and would close the gate.
func (f *Firewall) resize() bool {
	if f.applied == nil {
		return false
	}
	mtus := nftables.MTUs(*f.applied)
	if maps.Equal(mtus, f.mtus) {
		return false
	}
	f.config.Log.Info("Applying the ruleset for other MTUs of interfaces", "document", f.inForce)
	if err := f.replace(*f.applied); err != nil {
		f.config.Log.Error(err, "Applying the ruleset for other MTUs of interfaces")
		return false
	}
	return true
}
