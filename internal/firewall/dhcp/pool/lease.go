package pool

import (
	"net/netip"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/dhcp/message"
)

// use is what an address is used for.
type use uint8

const (
	// offered addresses are kept for a host until it has chosen. The other unit does not learn of them.
	offered use = iota + 1
	// bound addresses are in use by a host of ours.
	bound
	// foreign addresses are in use by a host that did not get them from us.
	foreign
)

// lease is what an address is used for until its end.
type lease struct {
	use use
	// client is the host in its network.
	client string
	mac    message.MAC
	// hostname is the name of the host alone; empty if it has none or if another host has it.
	hostname string
	end      time.Duration
}

// holder is a host in one network.
type holder struct {
	network int
	client  string
}

// clientOf returns how a network knows a host (RFC 2131, section 4.2). The prefixes keep identifiers apart from MACs.
func clientOf(r message.Request) string {
	if r.ID != "" {
		return idPrefix + r.ID
	}
	return macPrefix + string(r.MAC[:])
}

const (
	idPrefix  = "i"
	macPrefix = "m"
)

// live returns the lease of an address that has not ended.
func (m *Machine) live(now time.Duration, a netip.Addr) (lease, bool) {
	l, ok := m.leases[a]
	return l, ok && l.end > now
}

// set makes an address used, in place of its use before.
func (m *Machine) set(n *network, a netip.Addr, l lease) {
	m.remove(n, a)
	m.leases[a] = l
	if n.isPooled(a) {
		n.taken++
	}
	if l.use != foreign {
		m.addresses[holder{n.index, l.client}] = a
	}
	if name := n.fullName(l.hostname); name != "" && l.use == bound {
		m.names[name] = a
	}
}

// remove makes an address unused.
func (m *Machine) remove(n *network, a netip.Addr) {
	l, ok := m.leases[a]
	if !ok {
		return
	}
	delete(m.leases, a)
	if n.isPooled(a) {
		n.taken--
	}
	if h := (holder{n.index, l.client}); m.addresses[h] == a {
		delete(m.addresses, h)
	}
	if name := n.fullName(l.hostname); m.names[name] == a {
		delete(m.names, name)
	}
}

// purge removes leases that have ended.
func (m *Machine) purge(now time.Duration) {
	m.purgeAt = now + purgeInterval
	for a, l := range m.leases {
		if l.end <= now {
			m.end(a, l)
		}
	}
}

// end removes a lease, and lets the other unit know.
func (m *Machine) end(a netip.Addr, l lease) {
	if n := m.subnetOf(a); n != nil {
		m.remove(n, a)
	}
	if l.use != offered {
		m.effect(Retract{Key: keyOf(a)})
	}
}

// subnetOf returns the network of an address.
func (m *Machine) subnetOf(a netip.Addr) *network {
	for _, n := range m.networks {
		if n.Subnet.Contains(a) {
			return n
		}
	}
	return nil
}
