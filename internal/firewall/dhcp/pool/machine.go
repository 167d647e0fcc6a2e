package pool

import (
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/dhcp/message"
	"github.com/hapair-io/hapair/internal/firewall/document"
)

const (
	// offerLife is how long an address is kept for a host that was offered it.
	offerLife = 30 * time.Second
	// foreignLife is how long an address is not given that another station has.
	foreignLife = 10 * time.Minute
	// purgeInterval is the time between two removals of leases that have ended. In a network without a free address,
	// a request removes them after fullPurgePause.
	purgeInterval  = 30 * time.Second
	fullPurgePause = time.Second
	// MaxLeases bounds the leases. The document bounds the addresses of its pools to half of it.
	MaxLeases = 65536
)

// Effect is what the caller does.
type Effect interface{ effect() }

// Send sends a packet to a station.
type Send struct {
	Interface string
	Packet    message.Packet
}

// Acknowledge publishes an entry, and sends the packet once the other unit has it.
type Acknowledge struct {
	Entry Entry
	Send  Send
}

// Probe asks by ARP whether a station has an address.
type Probe struct {
	Interface string
	Address   netip.Addr
}

// Publish gives an entry to the other unit.
type Publish struct{ Entry Entry }

// Retract removes an entry from the other unit.
type Retract struct{ Key string }

func (Send) effect()        {}
func (Acknowledge) effect() {}
func (Probe) effect()       {}
func (Publish) effect()     {}
func (Retract) effect()     {}

// Arrival is where a request came from.
type Arrival struct {
	Interface string
	// From is the station that sent the frame: the host, a relay, or the router between.
	From message.MAC
}

// Machine gives addresses to hosts. Times are those of one clock that never goes back.
type Machine struct {
	networks []*network
	leases   map[netip.Addr]lease
	// addresses are those of hosts, the other way round.
	addresses map[holder]netip.Addr
	// names has the addresses of hosts by their full names, and reservedNames the hosts of names in reservations.
	names         map[string]netip.Addr
	reservedNames map[string]message.MAC
	probes        []probe // in the order of their ends
	isActive      bool
	// purgeAt and fullPurgeAt are when leases that have ended may be removed again.
	purgeAt, fullPurgeAt time.Duration
	counts               contract.DHCPCounts
	effects              []Effect
}

// New returns a machine for the networks of a valid document. It is not active.
func New(networks []document.DHCPNetwork) *Machine {
	m := &Machine{
		leases: map[netip.Addr]lease{}, addresses: map[holder]netip.Addr{}, names: map[string]netip.Addr{},
		reservedNames: map[string]message.MAC{},
	}
	for i, d := range networks {
		n := newNetwork(i, d)
		m.networks = append(m.networks, n)
		m.reserveNames(n)
	}
	return m
}

func (m *Machine) effect(e Effect) { m.effects = append(m.effects, e) }

func (m *Machine) take() []Effect {
	effects := m.effects
	m.effects = nil
	return effects
}

// Become starts or ends the unit's time as active. Offers of an earlier time are void.
func (m *Machine) Become(isActive bool) {
	m.isActive, m.probes = isActive, nil
}

// Receive takes in a request.
func (m *Machine) Receive(now time.Duration, at Arrival, r message.Request) []Effect {
	if !m.isActive {
		return nil
	}
	n := m.networkOf(at, r)
	if n == nil {
		m.counts.Ignored++
		return nil
	}
	switch r.Type {
	case message.Discover:
		m.discover(now, n, at, r, 0)
	case message.AddressRequest:
		m.requestAddress(now, n, at, r)
	case message.Decline:
		m.decline(now, n, r)
	case message.Release:
		m.release(now, r)
	case message.Inform:
		m.inform(n, at, r)
	default:
		m.counts.Ignored++
	}
	return m.take()
}

// networkOf returns the network of a request; nil if it is not for this server. The unit also forwards requests to
// other servers.
func (m *Machine) networkOf(at Arrival, r message.Request) *network {
	everyone := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	var found *network
	for _, n := range m.networks {
		switch {
		case n.Interface != at.Interface || r.Destination != everyone && r.Destination != n.Address:
		case r.Relay.IsValid():
			if slices.Contains(n.Relays, r.Relay) {
				return n
			}
		case !n.IsRelayed():
			found = n
		case r.Current.IsValid() && r.Destination == n.Address && n.Subnet.Contains(r.Current):
			return n // The host renews without its relay.
		}
	}
	return found
}

// discover offers an address to a host.
func (m *Machine) discover(now time.Duration, n *network, at Arrival, r message.Request, tries int) {
	a, ok := m.choose(now, n, r)
	if !ok {
		m.counts.Exhausted++
		return
	}
	if l, isUsed := m.live(now, a); isUsed && l.use == bound || n.IsRelayed() {
		m.offer(now, n, at, r, a)
		return
	}
	m.probe(now, probe{network: n, address: a, arrival: at, request: r, tries: tries})
}

// offer offers an address.
func (m *Machine) offer(now time.Duration, n *network, at Arrival, r message.Request, a netip.Addr) {
	if l, isUsed := m.live(now, a); !isUsed || l.use != bound {
		m.set(n, a, lease{use: offered, client: clientOf(r), mac: r.MAC, end: now + offerLife})
	}
	m.effect(m.reply(n, at, r, message.Offer, a))
}

// requestAddress gives a host the address that it asks for, or refuses it. The server is the only one of its networks,
// so it refuses at once an address that the host cannot have.
func (m *Machine) requestAddress(now time.Duration, n *network, at Arrival, r message.Request) {
	a := r.Requested
	if !a.IsValid() {
		a = r.Current
	}
	client := clientOf(r)
	switch l, isUsed := m.live(now, a); {
	case r.Server.IsValid() && r.Server != n.Address:
		m.withdrawOffer(n, client) // It has chosen another server.
	case !a.IsValid():
		m.counts.Ignored++
	case !m.mayHave(now, n, r, a):
		m.refuse(n, at, r)
	case r.Server.IsValid() || r.Current.IsValid() || n.IsRelayed() || isUsed && l.client == client && l.use == bound:
		m.bind(now, n, at, r, a)
	default:
		// The host has an address of an earlier time that nobody remembers.
		m.probe(now, probe{network: n, address: a, arrival: at, request: r})
	}
}

// withdrawOffer makes an address free that was offered to a host.
func (m *Machine) withdrawOffer(n *network, client string) {
	if a, ok := m.addresses[holder{n.index, client}]; ok && m.leases[a].use == offered {
		m.remove(n, a)
	}
}

// bind gives an address to a host.
func (m *Machine) bind(now time.Duration, n *network, at Arrival, r message.Request, a netip.Addr) {
	client := clientOf(r)
	if before, ok := m.addresses[holder{n.index, client}]; ok && before != a {
		m.end(before, m.leases[before])
	}
	l := lease{use: bound, client: client, mac: r.MAC, hostname: m.grantName(now, n, r, a), end: now + n.Lease()}
	m.set(n, a, l)
	m.counts.Acknowledged++
	m.effect(Acknowledge{Entry: entryOf(now, a, l), Send: m.reply(n, at, r, message.ACK, a)})
}

// refuse makes a host ask for another address.
func (m *Machine) refuse(n *network, at Arrival, r message.Request) {
	m.counts.Refused++
	m.effect(m.reply(n, at, r, message.NAK, netip.Addr{}))
}

// decline takes in that a host found its address in use.
func (m *Machine) decline(now time.Duration, n *network, r message.Request) {
	l, isUsed := m.live(now, r.Requested)
	if !isUsed || l.use == foreign || l.client != clientOf(r) || r.Server.IsValid() && r.Server != n.Address {
		m.counts.Ignored++
		return
	}
	m.counts.Conflicts++
	m.setForeign(now, n, r.Requested)
}

// release takes in that a host no longer needs its address.
func (m *Machine) release(now time.Duration, r message.Request) {
	l, isUsed := m.live(now, r.Current)
	if !isUsed || l.use != bound || l.client != clientOf(r) {
		m.counts.Ignored++
		return
	}
	m.end(r.Current, l)
}

// inform answers a host that has an address of its own.
func (m *Machine) inform(n *network, at Arrival, r message.Request) {
	if !n.Subnet.Contains(r.Current) {
		m.counts.Ignored++
		return
	}
	m.effect(m.reply(n, at, r, message.ACK, netip.Addr{}))
}

// reply returns an answer with what the host learns.
func (m *Machine) reply(n *network, at Arrival, r message.Request, kind message.Type, a netip.Addr) Send {
	reply := message.Reply{
		Type: kind, To: r, Address: a, Server: n.Address, Required: n.required, Options: n.options, IsRouted: n.IsRelayed(),
	}
	if a.IsValid() {
		reply.Lease = n.Lease()
	}
	if own, ok := n.reservations[r.MAC]; ok && own.Hostname != "" {
		name := message.Option{Code: dhcpv4.OptionHostName.Code(), Value: []byte(own.Hostname)}
		reply.Options = append(slices.Clone(n.options), name)
	}
	packet := reply.Encode()
	if packet.MAC == (message.MAC{}) {
		packet.MAC = at.From
	}
	return Send{Interface: n.Interface, Packet: packet}
}

// Advance takes in that time has passed.
func (m *Machine) Advance(now time.Duration) []Effect {
	if m.isActive {
		m.finishProbes(now)
	}
	if now >= m.purgeAt {
		m.purge(now)
	}
	return m.take()
}

// Next returns when Advance is due.
func (m *Machine) Next() time.Duration {
	if len(m.probes) > 0 {
		return min(m.probes[0].end, m.purgeAt)
	}
	return m.purgeAt
}

// Counts returns what there is of leases, and how often something happened.
func (m *Machine) Counts() contract.DHCPCounts {
	counts := m.counts
	for _, l := range m.leases {
		if l.use == bound {
			counts.Leases++
		}
	}
	for _, n := range m.networks {
		counts.Addresses += int(n.capacity) + len(n.reserved)
	}
	return counts
}
