package nftables

import (
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/contract"
)

// Sets of the gate.
const (
	permit      = "permit" // interfaces on which the gate is open, each with a timeout
	gated       = "gated"  // interfaces that the gate guards
	own4        = "own4"
	own6        = "own6"
	control4    = "control4"
	control6    = "control6"
	virtualMACs = "virtual_macs"
)

func netdevTable() *nftables.Table {
	return &nftables.Table{Name: gateTable, Family: nftables.TableFamilyNetdev}
}

func inetTable() *nftables.Table {
	return &nftables.Table{Name: gateTable, Family: nftables.TableFamilyINet}
}

func gateTables() []*nftables.Table { return []*nftables.Table{netdevTable(), inetTable()} }

// rule is a list of matches and an action for packets that meet all of them.
type rule = []expr.Any

// gateChain is a chain with its rules.
type gateChain struct {
	chain *nftables.Chain
	rules []rule
}

// gateChains returns the chains of the gate: ingress and egress of each interface, and two of forwarding. The first of
// these marks packets, because the data plane drops unmarked ones. So nothing is forwarded once the table is gone. It
// comes last, after rulesets that set the whole mark. The second one is for packets to the unit that are translated and
// then forwarded. At the interfaces they look like the unit's own packets.
func gateChains(interfaces []string) []gateChain {
	in := &nftables.Chain{Name: "in", Table: netdevTable()}
	out := &nftables.Chain{Name: "out", Table: netdevTable()}
	chains := []gateChain{{in, slices.Concat(guardRules(), rulesIn())}, {out, rulesOut()}}
	for _, name := range interfaces {
		chains = append(chains,
			gateChain{hooked(name, "in-"+name, nftables.ChainHookIngress), []rule{jump(in.Name)}},
			gateChain{hooked(name, "out-"+name, nftables.ChainHookEgress), []rule{jump(out.Name)}})
	}
	accepting := nftables.ChainPolicyAccept
	return append(chains, gateChain{&nftables.Chain{
		Name: "arrived", Table: inetTable(), Type: nftables.ChainTypeFilter, Policy: &accepting,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityLast,
	}, rulesArrived()}, gateChain{&nftables.Chain{
		Name: "routed", Table: inetTable(), Type: nftables.ChainTypeFilter, Policy: &accepting,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFirst,
	}, rulesRouted()})
}

// hooked returns a chain that sees every packet of an interface, and drops those that no rule accepts.
func hooked(device, name string, hook *nftables.ChainHook) *nftables.Chain {
	dropping := nftables.ChainPolicyDrop
	return &nftables.Chain{
		Name: name, Table: netdevTable(), Type: nftables.ChainTypeFilter, Policy: &dropping,
		Hooknum: hook, Priority: nftables.ChainPriorityFirst, Device: device,
	}
}

// Offsets from the beginning of a header. The ICMPv6 one is for neighbour discovery messages.
const (
	arpSenderMAC    = 8
	arpSender       = 14
	arpTarget       = 24
	ipv4Source      = 12
	ipv4Destination = 16
	ipv6Source      = 8
	ipv6Destination = 24
	icmpv6Target    = 8
)

// guarded is a kind of packet that never passes from a segment, and the packets that are of it.
type guarded struct {
	kind  string
	match rule
}

// guardedPackets returns what the guard of package bpf drops, with its names of the kinds. The kernel has removed one
// VLAN tag, so a frame with a tag had two. It finds messages behind extension headers.
func guardedPackets() []guarded {
	isICMP := func(kind byte) rule {
		return match(isType(unix.ETH_P_IP), isTransport(unix.IPPROTO_ICMP), transport(0, 1), is(kind))
	}
	return []guarded{
		{"Malformed", isType(unix.ETH_P_8021Q)},
		{"Malformed", isType(unix.ETH_P_8021AD)},
		{"ControlAddress", match(isType(unix.ETH_P_IP), network(ipv4Destination, 4), in(control4))},
		{"ControlAddress", match(isType(unix.ETH_P_IPV6), network(ipv6Destination, 16), in(control6))},
		{"ControlAddress", match(isType(unix.ETH_P_IPV6), network(ipv6Source, 16), in(control6))},
		{"RouterSolicitation", isNeighbour(133)},
		{"RouterAdvertisement", isNeighbour(134)},
		{"Redirect", isNeighbour(137)},
		{"Redirect", isICMP(5)},
		{"RouterAdvertisement", isICMP(9)},
		{"RouterSolicitation", isICMP(10)},
	}
}

// guardRules returns rules that count and drop the guarded packets.
func guardRules() []rule {
	var all []rule
	for _, g := range guardedPackets() {
		all = append(all, match(g.match, rule{&expr.Counter{}}, drop()))
	}
	return all
}

// rulesIn returns the rules for incoming packets. They match the ingress program of package bpf.
func rulesIn() []rule {
	return []rule{
		match(loadMeta(expr.MetaKeyIIFNAME), in(permit), accept()),
		match(isARP(), network(arpTarget, 4), in(own4), accept()),
		match(isType(unix.ETH_P_IP), network(ipv4Destination, 4), in(own4), accept()),
		match(isType(unix.ETH_P_IP), isTransport(unix.IPPROTO_UDP), transport(0, 4), is(0, 67, 0, 68), accept()),
		match(isNeighbour(135), transport(icmpv6Target, 16), in(own6), isType(unix.ETH_P_IPV6), isForMany(), accept()),
		match(isNeighbour(135), transport(icmpv6Target, 16), in(own6), network(ipv6Destination, 16), in(own6), accept()),
		match(isNeighbour(135), drop()),
		match(isType(unix.ETH_P_IPV6), network(ipv6Destination, 16), in(own6), accept()),
		match(isNeighbour(136), isForMany(), accept()),
		match(isNeighbour(130), isForMany(), accept()),
		match(isNeighbour(131), isForMany(), accept()),
	}
}

// rulesOut returns the rules for outgoing packets. They match the egress program of package bpf.
func rulesOut() []rule {
	return []rule{
		match(loadMeta(expr.MetaKeyOIFNAME), in(permit), accept()),
		match(link(6, 6), in(virtualMACs), drop()),
		match(isARP(), network(arpSenderMAC, 6), in(virtualMACs), drop()),
		match(isARP(), network(arpSender, 4), in(own4), accept()),
		match(isARP(), network(arpSender, 4), is(make([]byte, 4)...), accept()),
		match(isType(unix.ETH_P_IP), network(ipv4Source, 4), in(own4), accept()),
		match(isType(unix.ETH_P_IP), network(ipv4Source, 4), is(make([]byte, 4)...), accept()),
		match(isNeighbour(136), transport(icmpv6Target, 16), in(own6), network(ipv6Source, 16), in(own6), accept()),
		match(isNeighbour(136), drop()),
		match(isType(unix.ETH_P_IPV6), network(ipv6Source, 16), in(own6), accept()),
		match(isType(unix.ETH_P_IPV6), network(ipv6Source, 16), is(make([]byte, 16)...), accept()),
	}
}

// rulesArrived returns the rule that marks packets from an interface with a permit.
func rulesArrived() []rule {
	bit := binaryutil.NativeEndian.PutUint32(contract.GateMark)
	return []rule{match(loadMeta(expr.MetaKeyIIFNAME), in(permit), loadMeta(expr.MetaKeyMARK), rule{
		&expr.Bitwise{SourceRegister: register, DestRegister: register, Len: 4, Mask: inverse(bit), Xor: bit},
		&expr.Meta{Key: expr.MetaKeyMARK, Register: register, SourceRegister: true},
	})}
}

// rulesRouted returns rules that drop packets forwarded from or to a guarded interface without a permit.
func rulesRouted() []rule {
	return []rule{
		match(loadMeta(expr.MetaKeyIIFNAME), in(gated), notIn(permit), drop()),
		match(loadMeta(expr.MetaKeyOIFNAME), in(gated), notIn(permit), drop()),
	}
}

func match(parts ...rule) rule { return slices.Concat(parts...) }

func loadMeta(key expr.MetaKey) rule { return rule{&expr.Meta{Key: key, Register: register}} }

func link(offset, length uint32) rule { return rule{load(expr.PayloadBaseLLHeader, offset, length)} }

func network(offset, length uint32) rule {
	return rule{load(expr.PayloadBaseNetworkHeader, offset, length)}
}

func transport(offset, length uint32) rule {
	return rule{load(expr.PayloadBaseTransportHeader, offset, length)}
}

func in(set string) rule { return rule{&expr.Lookup{SourceRegister: register, SetName: set}} }

func notIn(set string) rule {
	return rule{&expr.Lookup{SourceRegister: register, SetName: set, Invert: true}}
}

func is(data ...byte) rule { return rule{equal(data)} }

func accept() rule { return rule{&expr.Verdict{Kind: expr.VerdictAccept}} }

func drop() rule { return rule{&expr.Verdict{Kind: expr.VerdictDrop}} }

func jump(chain string) rule { return rule{&expr.Verdict{Kind: expr.VerdictJump, Chain: chain}} }

// isType matches the type of the frame, after the one VLAN tag that the kernel strips.
func isType(kind uint16) rule {
	return match(loadMeta(expr.MetaKeyPROTOCOL), is(binaryutil.BigEndian.PutUint16(kind)...))
}

// isARP matches ARP for IPv4 over Ethernet.
func isARP() rule {
	return match(isType(unix.ETH_P_ARP), network(0, 6), is(0, 1, 8, 0, 6, 4))
}

func isTransport(protocol byte) rule { return match(loadMeta(expr.MetaKeyL4PROTO), is(protocol)) }

// isNeighbour matches ICMPv6 messages of one type.
func isNeighbour(kind byte) rule {
	return match(isType(unix.ETH_P_IPV6), isTransport(unix.IPPROTO_ICMPV6), transport(0, 1), is(kind))
}

// isForMany matches packets to an IPv6 multicast address.
func isForMany() rule { return match(network(ipv6Destination, 1), is(0xff)) }
