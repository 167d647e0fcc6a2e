package own

import "net/netip"

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// IsShared reports whether both units forward connections of an address, so that the other unit can take them over.
// Own addresses are not shared, and neither are those that are valid on one link or host only: no router forwards them.
func (a *Addresses) IsShared(address netip.Addr) bool {
	if address.IsLoopback() || address.IsUnspecified() || address == broadcast || address.Is4In6() {
		return false
	}
	if address.IsLinkLocalUnicast() || address.IsLinkLocalMulticast() {
		return false
	}
	return !a.Has(address)
}
