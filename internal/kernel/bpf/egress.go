package bpf

import (
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// egress decides about outgoing packets, including those of raw sockets. Past the deadline it passes only packets that
// the unit itself has made and that claim nothing shared. They must come from an address of its own, or from none as in
// duplicate address detection, and from a MAC address of its own. Routed packets are dropped, even if they were
// translated to an address of the unit.
func egress(s state, pass verdict) asm.Instructions {
	a := &assembly{state: s, onShort: "drop"}
	a.passOutBefore()
	a.ethernet()
	a.dropIfVirtual(ethernetAt + ethernetSource)
	a.byType()

	a.label("ARP")
	a.arp()
	a.dropIfVirtual(networkAt + arpSenderMAC)
	a.add(asm.LoadMem(asm.R1, asm.R10, networkAt+arpSender, asm.Half),
		asm.LoadMem(asm.R2, asm.R10, networkAt+arpSender+2, asm.Half),
		asm.Or.Reg(asm.R1, asm.R2), asm.JEq.Imm(asm.R1, 0, "pass"))
	a.passIfOwn(s.own4, networkAt+arpSender)

	a.label("IPv4")
	a.ipv4()
	a.add(asm.LoadMem(asm.R1, asm.R10, networkAt+ipv4Source, asm.Word), asm.JEq.Imm(asm.R1, 0, "pass"))
	a.passIfOwn(s.own4, networkAt+ipv4Source)

	a.label("IPv6")
	a.ipv6()
	a.add(
		asm.LoadMem(asm.R1, asm.R10, networkAt+ipv6Source, asm.DWord),
		asm.LoadMem(asm.R2, asm.R10, networkAt+ipv6Source+8, asm.DWord),
		asm.Or.Reg(asm.R1, asm.R2), asm.JEq.Imm(asm.R1, 0, "from the unit"),
	)
	a.find(s.own6, networkAt+ipv6Source)
	a.add(asm.JEq.Imm(asm.R0, 0, "drop"))
	a.label("from the unit")
	a.extensions()
	a.add(asm.JNE.Imm(kind, unix.IPPROTO_ICMPV6, "pass"))
	a.load(transportAt, 1)
	a.byteAt(asm.R1, transportAt)
	a.add(asm.JNE.Imm(asm.R1, icmpv6Advertisement, "pass"))
	a.load(transportAt, neighbourLength)
	a.passIfOwn(s.own6, transportAt+neighbourTarget)
	return a.end(pass)
}

// dropIfVirtual drops a frame with a MAC address that the pair shares. A switch would learn that the address is here
// now.
func (a *assembly) dropIfVirtual(at int16) {
	a.find(a.virtualMACs, at)
	a.add(asm.JNE.Imm(asm.R0, 0, "drop"))
}
