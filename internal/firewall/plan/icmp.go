package plan

import "github.com/hapair-io/hapair/internal/ruleset"

// Types of ICMP messages (RFC 792).
const (
	icmpEchoReply              = 0
	icmpDestinationUnreachable = 3
	icmpRedirectType           = 5
	icmpEchoRequest            = 8
	icmpTimeExceeded           = 11
	icmpParameterProblem       = 12
)

// Types of ICMPv6 messages (RFC 4443, 2710, 3810 and 4861).
const (
	icmpv6DestinationUnreachable = 1
	icmpv6PacketTooBig           = 2
	icmpv6TimeExceeded           = 3
	icmpv6ParameterProblem       = 4
	icmpv6EchoRequest            = 128
	icmpv6EchoReply              = 129
	icmpv6ListenerQuery          = 130
	icmpv6ListenerReport         = 131
	icmpv6ListenerDone           = 132
	icmpv6RouterSolicitation     = 133
	icmpv6RouterAdvertisement    = 134
	icmpv6NeighbourSolicitation  = 135
	icmpv6NeighbourAdvertisement = 136
	icmpv6RedirectType           = 137
	icmpv6ListenerReport2        = 143
)

var (
	icmpRedirect   = ruleset.ICMPType{Family: ruleset.IPv4, Type: icmpRedirectType}
	icmpv6Redirect = ruleset.ICMPType{Family: ruleset.IPv6, Type: icmpv6RedirectType}
	echoRequest    = ruleset.ICMPMessage{Family: ruleset.IPv4, Type: icmpEchoRequest}
	echoRequest6   = ruleset.ICMPMessage{Family: ruleset.IPv6, Type: icmpv6EchoRequest}
)

// addICMP adds the chains that drop every ICMP message that no connection needs. The other messages are not accepted
// yet: an error must be related to a connection, and an echo request needs a policy.
func (c *compiler) addICMP() {
	c.addChain(chainICMP,
		ruleset.Rule{echoRequest, ruleset.Return{}},
		ruleset.Rule{ruleset.ICMPMessage{Family: ruleset.IPv4, Type: icmpEchoReply}, ruleset.Return{}},
		ruleset.Rule{ruleset.ICMPType{Family: ruleset.IPv4, Type: icmpDestinationUnreachable}, ruleset.Return{}},
		ruleset.Rule{ruleset.ICMPType{Family: ruleset.IPv4, Type: icmpTimeExceeded}, ruleset.Return{}},
		ruleset.Rule{ruleset.ICMPType{Family: ruleset.IPv4, Type: icmpParameterProblem}, ruleset.Return{}},
		ruleset.Rule{ruleset.Jump{Chain: chainInvalid}},
		ruleset.Rule{ruleset.Drop{}}, // Somebody has emptied that chain.
	)
	c.addNeighbours()
	c.addChain(chainICMPv6,
		ruleset.Rule{echoRequest6, ruleset.Return{}},
		ruleset.Rule{ruleset.ICMPMessage{Family: ruleset.IPv6, Type: icmpv6EchoReply}, ruleset.Return{}},
		ruleset.Rule{ruleset.ICMPType{Family: ruleset.IPv6, Type: icmpv6DestinationUnreachable}, ruleset.Return{}},
		ruleset.Rule{ruleset.ICMPType{Family: ruleset.IPv6, Type: icmpv6PacketTooBig}, ruleset.Return{}},
		ruleset.Rule{ruleset.ICMPType{Family: ruleset.IPv6, Type: icmpv6TimeExceeded}, ruleset.Return{}},
		ruleset.Rule{ruleset.ICMPType{Family: ruleset.IPv6, Type: icmpv6ParameterProblem}, ruleset.Return{}},
		ruleset.Rule{ruleset.Jump{Chain: chainInvalid}},
		ruleset.Rule{ruleset.Drop{}}, // Somebody has emptied that chain.
	)
}

// addNeighbours adds the chain that accepts what IPv6 needs on a link: neighbour and router discovery, and multicast
// listener messages. Connection tracking does not cover them. Their hop limit proves that they come from the link.
func (c *compiler) addNeighbours() {
	var rules []ruleset.Rule
	accept := func(hopLimit uint8, types ...uint8) {
		for _, t := range types {
			rules = append(rules, ruleset.Rule{
				ruleset.ICMPType{Family: ruleset.IPv6, Type: t}, ruleset.HopLimit(hopLimit), ruleset.Accept{},
			})
		}
	}
	accept(255, icmpv6NeighbourSolicitation, icmpv6NeighbourAdvertisement,
		icmpv6RouterSolicitation, icmpv6RouterAdvertisement)
	accept(1, icmpv6ListenerQuery, icmpv6ListenerReport, icmpv6ListenerDone, icmpv6ListenerReport2)
	c.addChain(chainNeighbours, rules...)
}
