package plan

import "github.com/hapair-io/hapair/internal/ruleset"

// addHooks makes the chains where packets come in. They let pass what no zone has to do with.
func (c *compiler) addHooks() {
	c.addHook("forward", ruleset.Hook{Point: ruleset.Forward},
		ruleset.Rule{ruleset.InInterface{Set: setTraffic}, ruleset.Goto{Chain: chainTrafficForward}},
		ruleset.Rule{ruleset.OutInterface{Set: setTraffic}, ruleset.Goto{Chain: chainTrafficForward}},
	)
	c.addHook("input", ruleset.Hook{Point: ruleset.Input},
		ruleset.Rule{ruleset.InInterface{Set: setTraffic}, ruleset.Goto{Chain: chainTrafficInput}},
	)
	c.addOutput()
}

// addOutput lets the unit itself send what it likes, but for redirects: a host that believed one would send past the
// firewall, and after a failover to a machine that is gone.
func (c *compiler) addOutput() {
	c.addHook("output", ruleset.Hook{Point: ruleset.Output},
		ruleset.Rule{ruleset.OutInterface{Set: setTraffic}, icmpRedirect, ruleset.Counter{}, ruleset.Drop{}},
		ruleset.Rule{ruleset.OutInterface{Set: setTraffic}, icmpv6Redirect, ruleset.Counter{}, ruleset.Drop{}},
	)
}

// addTraffic makes the chains that all packets of zones go through: is it well-formed, is it known, and if it is new,
// between which zones.
func (c *compiler) addTraffic() {
	forward := []ruleset.Rule{
		{ruleset.ICMP, ruleset.Jump{Chain: chainICMP}},
		{ruleset.ICMPv6, ruleset.Jump{Chain: chainICMPv6}},
		{ruleset.Jump{Chain: chainState}},
	}
	input := []ruleset.Rule{
		{ruleset.ICMP, ruleset.Jump{Chain: chainICMP}},
		{ruleset.ICMPv6, ruleset.Jump{Chain: chainNeighbours}},
		{ruleset.ICMPv6, ruleset.Jump{Chain: chainICMPv6}},
		{ruleset.Jump{Chain: chainState}},
	}
	for _, from := range c.document.Zones {
		in := ruleset.InInterface{Set: zoneSet(from.Name)}
		for _, to := range c.document.Zones {
			if c.hasPolicies(from.Name, to.Name) {
				out := ruleset.OutInterface{Set: zoneSet(to.Name)}
				forward = append(forward, ruleset.Rule{in, out, ruleset.Goto{Chain: pairChain(from.Name, to.Name)}})
			}
		}
		if c.hasPolicies(from.Name, zoneFirewall) {
			input = append(input, ruleset.Rule{in, ruleset.Goto{Chain: pairChain(from.Name, zoneFirewall)}})
		}
	}
	c.addChain(chainTrafficForward, append(forward, ruleset.Rule{ruleset.Goto{Chain: chainUnmatched}})...)
	c.addChain(chainTrafficInput, append(input, ruleset.Rule{ruleset.Goto{Chain: chainUnmatched}})...)
	c.addICMP()
}

// addState lets pass what belongs to a connection and drops what pretends to.
//
// The order matters: a related connection, such as the data connection of FTP, is new too and must begin as one.
func (c *compiler) addState() {
	c.addChain(chainState,
		ruleset.Rule{ruleset.Established, ruleset.Accept{}},
		ruleset.Rule{ruleset.Invalid, ruleset.Goto{Chain: chainInvalid}},
		ruleset.Rule{ruleset.NotSYN{}, ruleset.Goto{Chain: chainInvalid}},
		ruleset.Rule{ruleset.Related, ruleset.Accept{}},
	)
}

// addEnds makes the chains in which packets are dropped that no policy speaks of.
func (c *compiler) addEnds() {
	for _, end := range []struct{ chain, logged string }{
		{chainInvalid, "invalid"},
		{chainUnmatched, "dropped"},
	} {
		var rules []ruleset.Rule
		if c.document.Logging.Dropped {
			rules = append(rules, logged(end.logged))
		}
		c.addChain(end.chain, append(rules, ruleset.Rule{ruleset.Counter{}, ruleset.Drop{}})...)
	}
}

// LogGroup is the group of nfnetlink_log that the firewall listens to.
const LogGroup = 7779

// LogPrefix begins every log line; the name of the policy follows.
const LogPrefix = "hapair "

// logged writes at most ten lines a second, so that a flood of packets does not become a flood of lines.
func logged(name string) ruleset.Rule {
	return ruleset.Rule{
		ruleset.Limit{PerSecond: 10, Burst: 20},
		ruleset.Log{Group: LogGroup, Prefix: LogPrefix + name + ":"},
	}
}
