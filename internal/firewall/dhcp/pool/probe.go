package pool

import (
	"net/netip"
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/dhcp/message"
)

// probe is an address that a host gets unless somebody claims it.
type probe struct {
	network *network
	address netip.Addr
	arrival Arrival
	request message.Request
	end     time.Duration
	tries   int
}

const (
	// probeWait is how long somebody has to claim an address. Hosts in power save on a wireless network need most.
	probeWait = 300 * time.Millisecond
	// maxProbes bounds the addresses that wait. Hosts repeat requests beyond it.
	maxProbes = 256
	// maxTries bounds the addresses that are tried for one request.
	maxTries = 4
)

// probe sends an ARP probe for an address that is to be given to a host.
func (m *Machine) probe(now time.Duration, p probe) {
	client := clientOf(p.request)
	for i := range m.probes { // It has repeated its request.
		if other := &m.probes[i]; other.network == p.network && clientOf(other.request) == client {
			other.arrival, other.request = p.arrival, p.request
			return
		}
	}
	if len(m.probes) >= maxProbes {
		m.counts.Ignored++
		return
	}
	m.set(p.network, p.address, lease{use: offered, client: client, mac: p.request.MAC, end: now + offerLife})
	p.end = now + probeWait
	m.probes = append(m.probes, p)
	m.effect(Probe{Interface: p.network.Interface, Address: p.address})
}

// Claimed takes in that a station has an address: it has sent an ARP packet with it.
func (m *Machine) Claimed(now time.Duration, device string, a netip.Addr, mac message.MAC) []Effect {
	if !m.isActive {
		return nil
	}
	i := slices.IndexFunc(m.probes, func(p probe) bool {
		return p.address == a && p.network.Interface == device && p.request.MAC != mac
	})
	if i < 0 {
		return nil
	}
	p := m.probes[i]
	m.probes = slices.Delete(m.probes, i, i+1)
	m.counts.Conflicts++
	m.setForeign(now, p.network, a)
	switch {
	case p.request.Type != message.Discover:
		m.refuse(p.network, p.arrival, p.request)
	case p.tries+1 < maxTries:
		m.discover(now, p.network, p.arrival, p.request, p.tries+1)
	}
	return m.take()
}

// setForeign keeps an address from hosts for a while, since another station has it.
func (m *Machine) setForeign(now time.Duration, n *network, a netip.Addr) {
	l := lease{use: foreign, end: now + foreignLife}
	m.set(n, a, l)
	m.effect(Publish{Entry: entryOf(now, a, l)})
}

// finishProbes gives the addresses that nobody has claimed.
func (m *Machine) finishProbes(now time.Duration) {
	for len(m.probes) > 0 && m.probes[0].end <= now {
		p := m.probes[0]
		m.probes = m.probes[1:]
		switch {
		case !m.mayHave(now, p.network, p.request, p.address):
			// The host has another address by now.
		case p.request.Type == message.Discover:
			m.offer(now, p.network, p.arrival, p.request, p.address)
		default:
			m.bind(now, p.network, p.arrival, p.request, p.address)
		}
	}
}
