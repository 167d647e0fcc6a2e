package pool

import (
	"net/netip"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/dhcp/message"
)

// A host is known by its name in the domain of its network. A name belongs to the host that has it in a reservation, or
// to the first one that gave it, as long as that has its lease. So no host can take the name of another. A host without
// its name has a lease without one, which is also how the other unit learns of it.

// fullName returns the name of a host with the domain of a network; empty if one of them has none.
func (n *network) fullName(hostname string) string {
	if hostname == "" || n.Options.Domain == "" {
		return ""
	}
	return hostname + "." + n.Options.Domain
}

// reserveNames keeps the names in reservations for their hosts. A name that two of them have is that of the first.
func (m *Machine) reserveNames(n *network) {
	for _, r := range n.Reservations {
		name, owner := n.fullName(r.Hostname), n.reserved[r.Address]
		if _, isReserved := m.reservedNames[name]; name != "" && !isReserved {
			m.reservedNames[name] = owner
		}
	}
}

// grantName returns the name that a host gets with an address; empty if it gets none.
func (m *Machine) grantName(now time.Duration, n *network, r message.Request, a netip.Addr) string {
	hostname := r.Hostname
	if own, ok := n.reservations[r.MAC]; ok && own.Hostname != "" {
		hostname = own.Hostname
	}
	name := n.fullName(hostname)
	if name == "" {
		return hostname // Without a domain, it is only shown.
	}
	mac, isReserved := m.reservedNames[name]
	switch holder, isTaken := m.AddressOf(now, name); {
	case isReserved && mac != r.MAC, isTaken && holder != a && !isReserved:
		return ""
	default:
		return hostname
	}
}

// AddressOf returns the address of the host with a name, which is that of the host and the domain.
func (m *Machine) AddressOf(now time.Duration, name string) (netip.Addr, bool) {
	a, ok := m.names[name]
	if !ok {
		return netip.Addr{}, false
	}
	_, isUsed := m.live(now, a)
	return a, isUsed
}

// NameOf returns the name of the host that has an address.
func (m *Machine) NameOf(now time.Duration, a netip.Addr) (string, bool) {
	l, isUsed := m.live(now, a)
	n := m.subnetOf(a)
	if !isUsed || l.use != bound || n == nil {
		return "", false
	}
	name := n.fullName(l.hostname)
	return name, name != "" && m.names[name] == a
}
