package addresses

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// keepOwn puts back the unit's own addresses of a network, active or not: those that the interface had when it was
// first seen. They came with the attachment, and nobody else would put them back. The kernel itself removes the IPv6
// ones when the interface goes down. They are announced, since a replaced interface has another MAC. It returns what
// could not be put back.
func (a *Addresses) keepOwn(n Network, link rtnetlink.Link, table []rtnetlink.Address, now time.Time) error {
	own, known := a.ownAddresses[n.Interface]
	if !known {
		a.ownAddresses[n.Interface] = a.ownOn(link.Index, table)
		return nil
	}
	var missing []netip.Prefix
	for _, wanted := range n.possible(link, own) {
		// The kernel adds no IPv6 address to an interface that is not enabled.
		if link.Enabled && !isOn(link.Index, wanted, table) {
			missing = append(missing, wanted)
		}
	}
	var refused error
	if a.ownPaces.allow(n, len(missing) > 0, now) && len(missing) > 0 {
		refused = explainRefused(link, a.Kernel.AddAddresses(link.Index, missing))
		if err := a.sendOwn(n); err != nil {
			a.Log.Error(err, "Announcing the unit's own addresses", "interface", n.Interface)
		}
		a.Log.Info("Putting back the unit's own addresses", "interface", n.Interface, "missing", missing,
			"failed", refused != nil)
	}
	return errors.Join(refused, a.ownPaces.fight(n, now))
}

// ownOn returns the addresses of an interface that came with its attachment. The kernel makes link-local IPv6 addresses
// itself, and addresses that expire are from router advertisements.
func (a *Addresses) ownOn(index int, table []rtnetlink.Address) []netip.Prefix {
	own := []netip.Prefix{}
	for _, present := range table {
		address := present.Prefix.Addr()
		isVirtual := slices.ContainsFunc(a.Networks, func(n Network) bool { return n.has(address) })
		if present.Index == index && present.Permanent && !present.Remote && !isVirtual &&
			(address.Is4() || !address.IsLinkLocalUnicast()) {
			own = append(own, present.Prefix)
		}
	}
	return own
}

// isOn reports whether an interface has an address, with any prefix length.
func isOn(index int, wanted netip.Prefix, table []rtnetlink.Address) bool {
	return slices.ContainsFunc(table, func(present rtnetlink.Address) bool {
		return present.Index == index && present.Prefix.Addr() == wanted.Addr()
	})
}
