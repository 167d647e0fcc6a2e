package document

// Protocol is what a service speaks.
type Protocol string

// The protocols of services. ICMP and ICMPv6 stand for an echo request, the one message of theirs that begins an
// exchange; the errors that belong to a connection pass with it.
const (
	TCP    Protocol = "TCP"
	UDP    Protocol = "UDP"
	SCTP   Protocol = "SCTP"
	ICMP   Protocol = "ICMP"
	ICMPv6 Protocol = "ICMPv6"
	GRE    Protocol = "GRE"
	ESP    Protocol = "ESP"
	AH     Protocol = "AH"
)

func (Protocol) known() []string {
	return []string{
		string(TCP), string(UDP), string(SCTP), string(ICMP), string(ICMPv6), string(GRE), string(ESP), string(AH),
	}
}

// HasPorts tells whether connections of the protocol have ports.
func (p Protocol) HasPorts() bool { return p == TCP || p == UDP || p == SCTP }

// Families are the address families that the protocol runs over.
func (p Protocol) Families() Families {
	switch p {
	case ICMP:
		return IPv4
	case ICMPv6:
		return IPv6
	default:
		return IPv4 | IPv6
	}
}

// Action is what a policy does with a new connection.
type Action string

// The actions of policies.
const (
	// Accept lets the connection through, with all that belongs to it.
	Accept Action = "Accept"
	// Drop says nothing to the sender.
	Drop Action = "Drop"
	// Reject tells the sender: TCP by a reset, the rest by an ICMP error.
	Reject Action = "Reject"
)

func (Action) known() []string { return []string{string(Accept), string(Drop), string(Reject)} }

// Families is a set of address families.
type Families uint8

// The address families.
const (
	IPv4 Families = 1 << iota
	IPv6
)

// Has tells whether all of other is in the set.
func (f Families) Has(other Families) bool { return f&other == other }

// String names the families as messages do.
func (f Families) String() string {
	switch f {
	case IPv4:
		return "IPv4"
	case IPv6:
		return "IPv6"
	case IPv4 | IPv6:
		return "IPv4 and IPv6"
	default:
		return "no address family"
	}
}
