package neighbours

import (
	"net/netip"

	"github.com/hapair-io/hapair/internal/class/own"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// replicatedFlags are the flags that an entry has on both units.
const replicatedFlags = rtnetlink.ExternalLearned | rtnetlink.Router

// resolved are the states in which the kernel has learned the MAC address of a neighbour.
const resolved = rtnetlink.Reachable | rtnetlink.Stale | rtnetlink.Delay | rtnetlink.Probe

// kind decides which entries a class replicates.
type kind interface {
	// valueOf returns the value of an entry of an interface, or false if the class does not replicate the entry.
	valueOf(n rtnetlink.Neighbour, on rtnetlink.Link) (value, bool)
	// accepts reports whether an entry of the peer may be written.
	accepts(k key, v value) bool
	// isLasting reports whether the kernel removes no entry by itself, other than in a flush.
	isLasting() bool
}

// fixed are the entries that somebody added.
type fixed struct{}

func (fixed) valueOf(n rtnetlink.Neighbour, on rtnetlink.Link) (value, bool) {
	v := value{mac: n.MAC, flags: n.Flags & replicatedFlags, protocol: n.Protocol}
	if n.State&rtnetlink.NoARP != 0 {
		v.state = noARP
	}
	// The kernel itself makes NOARP entries for group addresses, and with the interface's own MAC address.
	isReplicated := n.State&(rtnetlink.Permanent|rtnetlink.NoARP) != 0 && n.Protocol != contract.RoutingProtocol &&
		isHost(n.Address) && isUnicast(n.MAC) && n.MAC != on.MAC
	return v, isReplicated
}

func (fixed) accepts(k key, v value) bool { return isHost(k.address) && v.state != learned }

func (fixed) isLasting() bool { return true }

// dynamic are the entries that the kernel learned, other than those of the units themselves.
type dynamic struct{ own *own.Addresses }

func (d dynamic) valueOf(n rtnetlink.Neighbour, _ rtnetlink.Link) (value, bool) {
	v := value{mac: n.MAC, state: learned, flags: n.Flags & rtnetlink.Router}
	return v, n.State&resolved != 0 && n.Flags&rtnetlink.ExternalLearned == 0 && isUnicast(n.MAC) && d.isForeign(n.Address)
}

func (d dynamic) accepts(k key, v value) bool { return v.state == learned && d.isForeign(k.address) }

func (d dynamic) isLasting() bool { return false }

// isForeign reports whether an address is that of a host other than the units. Their link-local addresses are not
// known, so those of hosts are not replicated either.
func (d dynamic) isForeign(a netip.Addr) bool {
	return isHost(a) && !a.IsLinkLocalUnicast() && (d.own == nil || !d.own.Has(a))
}

func isHost(a netip.Addr) bool {
	return a.IsValid() && !a.IsMulticast() && !a.IsUnspecified() && !a.IsLoopback()
}

func isUnicast(mac rtnetlink.MAC) bool { return mac != rtnetlink.MAC{} && mac[0]&1 == 0 }

// neighbour returns the entry as the kernel has it.
func (v value) neighbour(k key, device int) rtnetlink.Neighbour {
	states := [...]rtnetlink.NeighbourState{
		permanent: rtnetlink.Permanent, noARP: rtnetlink.NoARP, learned: rtnetlink.Stale,
	}
	return rtnetlink.Neighbour{
		Interface: device, Address: k.address, MAC: v.mac, State: states[v.state], Flags: v.flags, Protocol: v.protocol,
	}
}
