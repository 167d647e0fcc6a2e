package plan

import (
	"slices"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// addHooks adds the chains that the kernel calls. Packets are forwarded between zones alone: neither what a zone sends
// nor an answer to it can leave by an interface of no zone, whatever the routes are. Apart from that, packets that
// concern no zone pass.
func (c *compiler) addHooks() {
	c.addArrival()
	c.addDeparture()
	c.addHook("forward", ruleset.Hook{Point: ruleset.Forward, Drops: true},
		ruleset.Rule{
			ruleset.InInterface{Set: setTraffic},
			ruleset.OutInterface{Set: setTraffic},
			ruleset.Goto{Chain: chainTrafficForward},
		},
		ruleset.Rule{ruleset.Goto{Chain: chainUnmatched}},
	)
	// The second rule drops what returns from a chain that somebody has emptied.
	c.addInput(
		ruleset.Rule{ruleset.InInterface{Set: setTraffic}, ruleset.Jump{Chain: chainTrafficInput}},
		ruleset.Rule{ruleset.InInterface{Set: setTraffic}, ruleset.Counter{}, ruleset.Drop{}},
	)
	c.addOutput()
}

// addInput adds the chain for packets to the unit, which accepts those that no rule drops. A later chain drops what has
// not passed it, in case that somebody empties or deletes it.
func (c *compiler) addInput(rules ...ruleset.Rule) {
	c.addHook("input", ruleset.Hook{Point: ruleset.Input},
		append([]ruleset.Rule{{ruleset.MarkPacket{Bits: contract.JudgedMark}}}, rules...)...)
	c.addHook("unjudged", ruleset.Hook{Point: ruleset.Input, Late: true, Drops: true},
		ruleset.Rule{ruleset.Marked(contract.JudgedMark), ruleset.Accept{}})
}

// addDeparture adds the chain that keeps connection tracking from seeing what the unit sends into the pod network. The
// chain "arrival" does so with what comes from there. No rule needs to know of these connections. If they were tracked,
// a host of the pod network could fill the table with packets of many ports, and no zone could open a connection.
func (c *compiler) addDeparture() {
	c.result.InterfaceSets = append(c.result.InterfaceSets,
		ruleset.InterfaceSet{Name: setControl, Interfaces: []string{contract.PodInterface}})
	c.addHook("departure", ruleset.Hook{Point: ruleset.Output, Raw: true},
		ruleset.Rule{ruleset.OutInterface{Set: setControl}, ruleset.NoTrack{}})
}

// addOutput adds the chain for packets of the unit itself, which drops redirects. A host that follows a redirect
// bypasses the firewall, and after a failover it sends to a machine that is gone.
func (c *compiler) addOutput() {
	c.addHook("output", ruleset.Hook{Point: ruleset.Output},
		ruleset.Rule{ruleset.OutInterface{Set: setTraffic}, icmpRedirect, ruleset.Counter{}, ruleset.Drop{}},
		ruleset.Rule{ruleset.OutInterface{Set: setTraffic}, icmpv6Redirect, ruleset.Counter{}, ruleset.Drop{}},
	)
}

// addTraffic adds the chains that all packets of zones pass. They check ICMP messages and the state of the connection,
// and send new connections to the policies of their pair of zones.
func (c *compiler) addTraffic() {
	forward := c.clamping()
	forward = append(forward,
		ruleset.Rule{ruleset.ICMP, ruleset.Jump{Chain: chainICMP}},
		ruleset.Rule{ruleset.ICMPv6, ruleset.Jump{Chain: chainICMPv6}})
	// A broadcast address is nobody's, and the lookup of routes does not find that.
	fromBroadcast := ruleset.SourceType{Type: ruleset.BroadcastAddress}
	forward = append(forward, newConnections(
		ruleset.Rule{fromBroadcast, ruleset.Goto{Chain: chainSpoofed}},
		ruleset.Rule{ruleset.RecordPath{Map: mapPaths}}, c.recorded())...)
	forward = append(forward, c.announced()...)
	// Nothing but an emptied chain leaves a packet without the mark.
	input := []ruleset.Rule{{ruleset.Unmarked(contract.DataPlaneMark), ruleset.Counter{}, ruleset.Drop{}}}
	if c.document.Multicast.IsEnabled() {
		// Hosts report which groups they receive. For IPv6 they do so among the neighbours.
		input = append(input, ruleset.Rule{ruleset.IGMP, ruleset.Accept{}})
	}
	input = append(input, []ruleset.Rule{
		{ruleset.ICMP, ruleset.Jump{Chain: chainICMP}},
		{ruleset.ICMPv6, ruleset.Jump{Chain: chainNeighbours}},
		{ruleset.ICMPv6, ruleset.Jump{Chain: chainICMPv6}},
	}...)
	input = append(input, newConnections(
		ruleset.Rule{ruleset.ToOwnAddress{In: true}, fromBroadcast, ruleset.Goto{Chain: chainSpoofed}},
		ruleset.Rule{ruleset.RecordPath{Map: mapArrivals, ToUnit: true}}, nil)...)
	input = append(input, c.addressed()...)
	// The zone "firewall" is the unit's addresses on the interface at which the packet arrives. Its other addresses, such
	// as that of the pod, are not for the segment. The remaining packets are for everyone on the segment.
	input = append(input,
		ruleset.Rule{ruleset.ToOwnAddress{In: true}, ruleset.Goto{Chain: chainTrafficUnit}},
		ruleset.Rule{ruleset.ToOwnAddress{}, ruleset.Goto{Chain: chainUnmatched}},
		ruleset.Rule{ruleset.Goto{Chain: chainTrafficUnit}})
	var unit []ruleset.Rule
	for _, from := range c.document.Zones {
		in := ruleset.InInterface{Set: zoneSet(from.Name)}
		for _, to := range c.document.Zones {
			if c.hasPolicies(from.Name, to.Name) {
				out := ruleset.OutInterface{Set: zoneSet(to.Name)}
				forward = append(forward, ruleset.Rule{in, out, ruleset.Goto{Chain: pairChain(from.Name, to.Name)}})
			}
		}
		if c.hasPolicies(from.Name, zoneFirewall) {
			unit = append(unit, ruleset.Rule{in, ruleset.Goto{Chain: pairChain(from.Name, zoneFirewall)}})
		}
	}
	c.addChain(chainTrafficForward, append(forward, ruleset.Rule{ruleset.Goto{Chain: chainUnmatched}})...)
	c.addChain(chainTrafficInput, input...)
	c.addChain(chainTrafficUnit, append(unit, ruleset.Rule{ruleset.Goto{Chain: chainUnmatched}})...)
	c.addICMP()
}

// newConnections returns the rules that pass packets of connections, check new ones, and record their path.
//
// The order matters. An ICMP error belongs to the connection that it is about and must not change that one's path. A
// related connection, such as the data connection of FTP, has a path of its own.
func newConnections(check, record ruleset.Rule, recordFurther []ruleset.Rule) []ruleset.Rule {
	emptied := ruleset.Rule{ruleset.Invalid, ruleset.Drop{}} // It returned from an emptied chain.
	return slices.Concat(
		[]ruleset.Rule{{ruleset.Jump{Chain: chainState}}, emptied, check, record}, recordFurther,
		[]ruleset.Rule{{ruleset.Related, ruleset.Goto{Chain: chainRelated}}})
}

// addState adds the chain that accepts packets of connections and drops packets that only pretend to belong to one.
//
// The order matters: a related connection, such as the data connection of FTP, is also new and must begin with a SYN. A
// packet that returns from a chain that only drops must not pass: somebody has emptied that chain.
func (c *compiler) addState() {
	c.addChain(chainState,
		ruleset.Rule{ruleset.Established, ruleset.Accept{}},
		ruleset.Rule{ruleset.Invalid, ruleset.Jump{Chain: chainInvalid}},
		ruleset.Rule{ruleset.Invalid, ruleset.Drop{}},
		ruleset.Rule{ruleset.NotSYN{}, ruleset.Jump{Chain: chainInvalid}},
		ruleset.Rule{ruleset.NotSYN{}, ruleset.Drop{}},
		ruleset.Rule{ruleset.ICMP, ruleset.Related, ruleset.Accept{}},
		ruleset.Rule{ruleset.ICMPv6, ruleset.Related, ruleset.Accept{}},
	)
}

// addEnds adds the chains that drop packets without a policy.
func (c *compiler) addEnds() {
	for _, end := range []struct{ chain, logged string }{
		{chainInvalid, "invalid"},
		{chainUnmatched, "dropped"},
		{chainSpoofed, "spoofed"},
	} {
		var rules []ruleset.Rule
		if c.document.Logging.Dropped {
			rules = append(rules, logged(end.logged))
		}
		c.addChain(end.chain, append(rules, ruleset.Rule{ruleset.Counter{}, ruleset.Drop{}})...)
	}
}

// LogGroup is the nfnetlink_log group that the firewall listens to.
const LogGroup = 7779

// LogPrefix begins every log line; the name of the policy follows.
const LogPrefix = "hapair "

// logged returns a rule that logs at most ten packets a second, so that a flood of packets does not flood the log.
func logged(name string) ruleset.Rule {
	return ruleset.Rule{
		ruleset.Limit{PerSecond: 10, Burst: 20},
		ruleset.Log{Group: LogGroup, Prefix: LogPrefix + name + ":"},
	}
}
