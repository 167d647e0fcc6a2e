package addresses

import (
	"net/netip"
	"time"
)

// defendInterval is the shortest time between two answers to claims of one address (RFC 5227, section 2.4, where a host
// keeps its address in any case).
const defendInterval = 10 * time.Second

// defence remembers when each address was announced in answer to a claim.
type defence map[defended]time.Time

// defended is a virtual address on an interface. A link-local one may be on several.
type defended struct {
	network string
	address netip.Addr
}

// due reports whether a claim is to be answered now, and remembers that it was.
func (d defence) due(c claimed, now time.Time) bool {
	of := defended{network: c.network, address: c.claim.Address}
	if last, found := d[of]; found && now.Sub(last) < defendInterval {
		return false
	}
	d[of] = now
	return true
}

// defend announces the address that another station claims. A unit that may not claim it any more stays silent.
func (a *Addresses) defend(c claimed) {
	if !a.Permitted() {
		return
	}
	link, err := a.Kernel.Link(c.network)
	if err == nil {
		address := c.claim.Address
		err = a.Wire.Send(link, announcements(link.MAC, []netip.Prefix{netip.PrefixFrom(address, address.BitLen())}))
	}
	if err != nil {
		a.Log.Error(err, "Announcing a virtual address that another station claims", "interface", c.network,
			"address", c.claim.Address)
	}
}
