package bpf

import (
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Ports of DHCP for IPv4 (RFC 2131).
const (
	dhcpServer = 67
	dhcpClient = 68
)

// ingress decides about incoming packets. What the guard drops never passes. Past the deadline it passes only what the
// unit's own stack needs: packets to an address of its own, ARP and neighbour solicitations for one, and ICMPv6
// messages to all hosts. Answers of a DHCP server pass too, since their address may not exist yet. Packets that would
// be routed, and every question for a virtual address, are dropped.
func ingress(s state, pass verdict) asm.Instructions {
	a := &assembly{state: s}
	a.add(asm.Mov.Reg(packet, asm.R1))
	a.guard()
	a.passBefore()
	a.onShort = "drop"
	a.ethernet()
	a.byType()

	a.label("ARP")
	a.arp()
	a.passIfOwn(s.own4, networkAt+arpTarget)

	a.label("IPv4")
	a.ipv4()
	a.find(s.own4, networkAt+ipv4Destination)
	a.add(asm.JNE.Imm(asm.R0, 0, "pass"))
	a.fromDHCPServer()

	a.label("IPv6")
	a.ipv6()
	a.find(s.own6, networkAt+ipv6Destination)
	a.add(asm.Mov.Imm(mine, 1), asm.JNE.Imm(asm.R0, 0, "for the unit"))
	a.byteAt(asm.R1, networkAt+ipv6Destination)
	a.add(asm.JNE.Imm(asm.R1, 0xff, "drop")) // all multicast addresses begin so
	a.add(asm.Mov.Imm(mine, 0))
	a.label("for the unit")
	a.extensions()
	a.messageToHost()
	return a.end(pass)
}

// fromDHCPServer passes an answer of a DHCP server to any address, and drops everything else.
func (a *assembly) fromDHCPServer() {
	a.byteAt(asm.R1, networkAt+ipv4Protocol)
	a.add(asm.JNE.Imm(asm.R1, unix.IPPROTO_UDP, "drop"))
	a.numberAt(asm.R1, networkAt+ipv4Fragment)
	a.add(
		asm.And.Imm(asm.R1, 0x3fff), // the offset, and whether more fragments follow
		asm.JNE.Imm(asm.R1, 0, "drop"),
	)
	a.load(transportAt, 4)
	a.numberAt(asm.R1, transportAt)
	a.add(asm.JNE.Imm(asm.R1, dhcpServer, "drop"))
	a.numberAt(asm.R1, transportAt+2)
	a.add(asm.JEq.Imm(asm.R1, dhcpClient, "pass"), asm.Ja.Label("drop"))
}

// messageToHost passes messages for the unit, except solicitations of addresses that are not its own. Of multicast
// messages it passes those that every host needs.
func (a *assembly) messageToHost() {
	a.add(
		asm.JEq.Imm(kind, unix.IPPROTO_ICMPV6, "ICMPv6"),
		asm.JNE.Imm(mine, 0, "pass"),
		asm.Ja.Label("drop"),
	)
	a.label("ICMPv6")
	a.load(transportAt, 1)
	a.byteAt(asm.R1, transportAt)
	a.add(
		asm.JEq.Imm(asm.R1, icmpv6Solicitation, "solicitation"),
		asm.JNE.Imm(mine, 0, "pass"),
		asm.JEq.Imm(asm.R1, icmpv6Advertisement, "pass"),
		asm.JEq.Imm(asm.R1, icmpv6ListenerQuery, "pass"),
		asm.JEq.Imm(asm.R1, icmpv6ListenerReport, "pass"),
		asm.Ja.Label("drop"),
	)
	a.label("solicitation")
	a.load(transportAt, neighbourLength)
	a.passIfOwn(a.own6, transportAt+neighbourTarget)
}
