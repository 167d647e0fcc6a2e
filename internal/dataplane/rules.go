package dataplane

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// Priorities of the rules. All come after the local table, which has 0, and before the main table, which has 32766.
const (
	// specificPriority is for lookups of the unit itself that must not find a default route, and specificRefusal ends
	// them. They come before all rules that would find one.
	specificPriority = contract.DataPlanePriority - 3
	specificRefusal  = contract.DataPlanePriority - 2
	// controlPriority is for packets of the control plane, which need no further rule.
	controlPriority = contract.DataPlanePriority - 1
	// sourcePriority is for packets that the unit sends from an address of the data plane.
	sourcePriority = contract.DataPlanePriority + 1
	// refusalPriority ends the lookup of a data plane packet. It matters while the table lacks its default route.
	refusalPriority = contract.DataPlanePriority + 2
)

// loopback is the interface of packets that the unit itself sends, for a rule.
const loopback = "lo"

// icmpError is a range of ICMP types that report errors about a packet.
type icmpErrors struct {
	transport uint8
	ports     rtnetlink.PortRange
}

// The types of RFC 792 (unreachable, quench, redirect; time exceeded, parameter problem) and RFC 4443, each with all
// codes.
var icmpErrors4 = []icmpErrors{
	{unix.IPPROTO_ICMP, rtnetlink.PortRange{First: 3 << 8, Last: 5<<8 | 0xff}},
	{unix.IPPROTO_ICMP, rtnetlink.PortRange{First: 11 << 8, Last: 12<<8 | 0xff}},
}

var icmpErrors6 = []icmpErrors{{unix.IPPROTO_ICMPV6, rtnetlink.PortRange{First: 1 << 8, Last: 4<<8 | 0xff}}}

// sources4 and sources6 are all sources of unicast packets. A packet whose source is not chosen yet matches none.
var (
	sources4 = prefixes("1.0.0.0/8", "2.0.0.0/7", "4.0.0.0/6", "8.0.0.0/5", "16.0.0.0/4", "32.0.0.0/3", "64.0.0.0/2",
		"128.0.0.0/2", "192.0.0.0/3")
	sources6 = prefixes("64:ff9b::/32", "2000::/3", "4000::/2", "fc00::/7")
)

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for n, text := range texts {
		all[n] = netip.MustParsePrefix(text)
	}
	return all
}

// rules returns the rules of both families, for the traffic interfaces, the addresses of all other interfaces, and the
// required marks.
func rules(interfaces []string, control []netip.Addr, required []uint32) []rtnetlink.Rule {
	var all []rtnetlink.Rule
	for _, family := range []struct {
		ipv6    bool
		errors  []icmpErrors
		sources []netip.Prefix
	}{{false, icmpErrors4, sources4}, {true, icmpErrors6, sources6}} {
		all = append(all, requiringRules(interfaces, required, family.ipv6)...)
		all = append(all, specificRules(family.ipv6)...)
		all = append(all, controlRules(control, family.ipv6)...)
		all = append(all, interfaceRules(interfaces, family.ipv6)...)
		for _, e := range family.errors {
			all = append(all, errorRule(e, family.ipv6))
		}
		for _, source := range family.sources {
			all = append(all, sourceRule(source, family.ipv6))
		}
	}
	return all
}

// kernelRules returns the rules with which the kernel begins. Without them nothing is delivered to the unit itself, and
// the control plane has no routes.
func kernelRules() []rtnetlink.Rule {
	return []rtnetlink.Rule{
		{Table: unix.RT_TABLE_LOCAL},
		{Table: unix.RT_TABLE_LOCAL, IPv6: true},
		{Priority: 32766, Table: unix.RT_TABLE_MAIN},
		{Priority: 32766, Table: unix.RT_TABLE_MAIN, IPv6: true},
		{Priority: 32767, Table: unix.RT_TABLE_DEFAULT},
	}
}

// requiringRules returns rules that drop packets of segments without a required mark. Packets to the unit itself are
// found in the local table before.
func requiringRules(interfaces []string, required []uint32, ipv6 bool) []rtnetlink.Rule {
	var all []rtnetlink.Rule
	for _, name := range interfaces {
		for _, mark := range required {
			all = append(all, rtnetlink.Rule{
				IPv6: ipv6, Priority: contract.RequiredPriority, In: name, Mask: mark, Action: rtnetlink.RefuseSilently,
			})
		}
	}
	return all
}

// specificRules returns rules for lookups to which a default route does not count. The firewall uses them for private
// sources. Limiting the rules to lookups of the unit itself spares forwarded packets, whatever their mark.
func specificRules(ipv6 bool) []rtnetlink.Rule {
	const mark = contract.DataPlaneMark | contract.SpecificMark
	return []rtnetlink.Rule{
		{
			IPv6: ipv6, Priority: specificPriority, In: loopback, Mark: mark, Mask: mark,
			Table: contract.DataPlaneTable, MinBits: contract.SpecificBits,
		},
		{
			IPv6: ipv6, Priority: specificRefusal, In: loopback, Mark: mark, Mask: mark,
			Action: rtnetlink.RefuseUnreachable,
		},
	}
}

// controlRules returns rules for what the unit sends from an address of the control plane.
func controlRules(control []netip.Addr, ipv6 bool) []rtnetlink.Rule {
	var all []rtnetlink.Rule
	for _, a := range control {
		if a.Is6() == ipv6 {
			all = append(all, rtnetlink.Rule{
				IPv6: ipv6, Priority: controlPriority, In: loopback, From: netip.PrefixFrom(a, a.BitLen()),
				Table: unix.RT_TABLE_MAIN,
			})
		}
	}
	return all
}

// interfaceRules returns rules for packets that arrived at a traffic interface, and for sockets that are bound to one.
func interfaceRules(interfaces []string, ipv6 bool) []rtnetlink.Rule {
	selectors := []rtnetlink.Rule{{Mark: contract.DataPlaneMark, Mask: contract.DataPlaneMark}}
	for _, name := range interfaces {
		selectors = append(selectors, rtnetlink.Rule{In: name}, rtnetlink.Rule{Out: name})
	}
	all := make([]rtnetlink.Rule, 0, 2*len(selectors))
	for _, r := range selectors {
		r.IPv6, r.Priority, r.Table = ipv6, contract.DataPlanePriority, contract.DataPlaneTable
		all = append(all, r)
		r.Priority, r.Table, r.Action = refusalPriority, 0, rtnetlink.RefuseUnreachable
		all = append(all, r)
	}
	return all
}

// errorRule returns a rule for ICMP errors about forwarded packets. The kernel looks up their route before it has
// chosen a source, so nothing else marks them as the data plane's. Those about packets to the control plane have its
// address as their source. Limiting the rule to packets of the unit spares the kernel from parsing all others.
func errorRule(e icmpErrors, ipv6 bool) rtnetlink.Rule {
	return rtnetlink.Rule{
		IPv6: ipv6, Priority: contract.DataPlanePriority, In: loopback, Transport: e.transport, Ports: e.ports,
		Table: contract.DataPlaneTable,
	}
}

// sourceRule returns a rule for what the unit sends from an address that is not the control plane's: a virtual one, its
// own on a segment, or that of a server for which it refuses a connection. The reverse path filter looks up packets to
// such an address in the same way.
func sourceRule(source netip.Prefix, ipv6 bool) rtnetlink.Rule {
	return rtnetlink.Rule{
		IPv6: ipv6, Priority: sourcePriority, In: loopback, From: source, Table: contract.DataPlaneTable,
	}
}
