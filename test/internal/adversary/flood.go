package adversary

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// dhcp returns leases that no one asked for, with this host as router, and requests for leases by many clients.
func dhcp(h *Host, t Target) (frames [][]byte) {
	server, client := netip.AddrPortFrom(h.address, 67), netip.AddrPortFrom(netip.IPv4Unspecified(), 68)
	broadcast := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	for _, unit := range t.Units {
		for _, offered := range t.Pods {
			for _, kind := range []byte{2, 5} { // DHCPOFFER and DHCPACK
				reply := h.lease(2, unit, offered, kind)
				frames = append(frames, h.toAll(datagram(server, netip.AddrPortFrom(broadcast, 68), reply)))
				frames = append(frames, h.toUnits(t,
					datagram(server, netip.AddrPortFrom(offered, 68), reply),
					datagram(server, netip.AddrPortFrom(t.Virtual, 68), reply))...)
			}
		}
	}
	for n := range byte(50) {
		ask := h.lease(1, MAC{2, 0, 0, 0, 1, n}, netip.IPv4Unspecified(), 1)
		frames = append(frames, h.toAll(datagram(client, netip.AddrPortFrom(broadcast, 67), ask)))
	}
	return frames
}

// lease returns a message of DHCP (RFC 2131): a request of operation 1 or a reply of operation 2.
func (h *Host) lease(operation byte, client MAC, offered netip.Addr, kind byte) []byte {
	m := make([]byte, 236)
	copy(m, []byte{operation, 1, 6, 0, 0, 0, 0, client[5]})
	copy(m[16:], offered.AsSlice())
	copy(m[20:], h.address.AsSlice())
	copy(m[28:], client[:])
	m = append(m, 0x63, 0x82, 0x53, 0x63, 53, 1, kind)
	own := h.address.As4()
	for _, option := range []byte{54, 3, 6} { // server, router, names
		m = append(append(m, option, 4), own[:]...)
	}
	return append(m, 51, 4, 0, 0, 14, 16, 1, 4, 255, 0, 0, 0, 255)
}

// groups returns reports of memberships and queries for them, of hundreds of groups.
func groups(h *Host, _ Target) (frames [][]byte) {
	igmp := func(to netip.Addr, message []byte) {
		p := packet4{
			from: h.address, to: to, protocol: unix.IPPROTO_IGMP, options: []byte{0x94, 4, 0, 0}, payload: icmp4(message),
		}
		frames = append(frames, h.toGroup(to, p.bytes()))
	}
	mld := func(to netip.Addr, message []byte) {
		p := icmp6(h.local, to, message)
		frames = append(frames, h.toGroup(to, p))
	}
	igmp(allHosts, []byte{0x11, 1, 0, 0, 0, 0, 0, 0})
	mld(allNodes, append([]byte{130, 0, 0, 0, 0, 1, 0, 0}, make([]byte, 20)...))
	for n := range uint16(200) {
		group := binary.BigEndian.AppendUint16([]byte{239, 1}, n)
		igmp(netip.AddrFrom4([4]byte(group)), append([]byte{0x16, 0, 0, 0}, group...))
		igmp(allReports, append([]byte{0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0}, group...))
		group6 := netip.AddrFrom16([16]byte{0: 0xff, 1: 0x05, 14: byte(n >> 8), 15: byte(n)})
		mld(mldReports, append([]byte{143, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0}, group6.AsSlice()...))
	}
	return frames
}

// fragments returns fragments that never complete, overlap, or end behind the largest packet.
func fragments(h *Host, t Target) (frames [][]byte) {
	const more = 0x2000
	for _, to := range t.addresses() {
		for id := range uint16(100) {
			p := packet4{from: h.address, to: to, protocol: unix.IPPROTO_TCP, id: id}
			whole := syn(h.address, to, 42000+id, t.Ports[0])[ipv4Length:]
			first, second, last := p, p, p
			first.fragment, first.payload = more, whole[:16]
			second.fragment, second.payload = more|1, whole[8:16]
			last.fragment, last.payload = 1<<13-1, whole[:8] // behind the largest packet
			frames = append(frames, h.toUnits(t, first.bytes(), second.bytes(), last.bytes())...)
		}
	}
	// A redirect in the first of two fragments.
	m := icmp4(append([]byte{redirect4, 1, 0, 0}, append(h.address.AsSlice(), syn(t.Virtual, t.Pods[0], 1, 1)...)...))
	head := packet4{from: h.address, to: t.Virtual, protocol: unix.IPPROTO_ICMP, id: 7, fragment: more, payload: m[:24]}
	tail := head
	tail.fragment, tail.payload = 3, m[24:]
	return append(frames, h.toUnits(t, head.bytes(), tail.bytes())...)
}

// options returns packets and redirects with a record of the route, a source route, a router alert, and options that
// end too soon.
func options(h *Host, t Target) (frames [][]byte) {
	pod := t.Pods[0].As4()
	all := [][]byte{
		{7, 7, 4, 0, 0, 0, 0, 0},
		append([]byte{131, 7, 4}, append(pod[:], 0)...),
		append([]byte{137, 7, 4}, append(pod[:], 0)...),
		{0x94, 4, 0, 0},
		{7, 39, 4, 0},
		{68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	}
	ping := icmp4([]byte{8, 0, 0, 0, 7, 7, 0, 1})
	own := h.address.As4()
	tell := icmp4(append(append([]byte{redirect4, 1, 0, 0}, own[:]...), syn(t.Virtual, t.Cluster[0], 1, 1)...))
	for _, to := range t.addresses() {
		for _, o := range all {
			p := packet4{from: h.address, to: to, protocol: unix.IPPROTO_ICMP, options: o, payload: ping}
			q := p
			q.payload = tell
			frames = append(frames, h.toUnits(t, p.bytes(), q.bytes())...)
		}
	}
	return frames
}
