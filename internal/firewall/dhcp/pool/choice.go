package pool

import (
	"hash/fnv"
	"net/netip"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/dhcp/message"
)

// isFree reports whether no other host uses an address.
func (m *Machine) isFree(now time.Duration, client string, a netip.Addr) bool {
	l, isUsed := m.live(now, a)
	return !isUsed || l.use != foreign && l.client == client
}

// mayHave reports whether a host may have an address.
func (m *Machine) mayHave(now time.Duration, n *network, r message.Request, a netip.Addr) bool {
	client := clientOf(r)
	if !a.IsValid() || !n.Subnet.Contains(a) || !m.isFree(now, client, a) {
		return false
	}
	if own, ok := n.reservations[r.MAC]; ok && m.isFree(now, client, own.Address) {
		return a == own.Address
	}
	if mac, isReserved := n.reserved[a]; isReserved {
		return mac == r.MAC
	}
	return n.inRanges(a)
}

// choose returns the address to offer to a host: its reservation, the one it has, the one it asks for, or any. The last
// begins at a place that depends on the host. So a host tends to get its address again, even if both units lost all.
func (m *Machine) choose(now time.Duration, n *network, r message.Request) (netip.Addr, bool) {
	client := clientOf(r)
	preferred := []netip.Addr{n.reservations[r.MAC].Address, m.addresses[holder{n.index, client}], r.Requested}
	for _, a := range preferred {
		if m.mayHave(now, n, r, a) {
			return a, true
		}
	}
	if n.taken >= n.capacity && now >= m.fullPurgeAt {
		m.fullPurgeAt = now + fullPurgePause
		m.purge(now)
	}
	if n.taken >= n.capacity {
		return netip.Addr{}, false
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(client)) // It cannot fail.
	start := hash.Sum32() % n.size
	for i := range n.size {
		a := n.at(uint32((uint64(start) + uint64(i)) % uint64(n.size)))
		if _, isUsed := m.leases[a]; !isUsed && n.isPooled(a) {
			return a, true
		}
	}
	return netip.Addr{}, false
}
