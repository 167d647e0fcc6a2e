package document

// Protocol is the protocol of a service.
type Protocol string

// The protocols of services. ICMP and ICMPv6 stand for an echo request, the only message that begins an exchange. ICMP
// errors that belong to a connection pass with the connection.
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

// HasPorts reports whether connections of the protocol have ports.
func (p Protocol) HasPorts() bool { return p == TCP || p == UDP || p == SCTP }

// Families returns the address families that the protocol runs over.
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

// Families is a set of address families.
type Families uint8

// The address families.
const (
	IPv4 Families = 1 << iota
	IPv6
)

// Has reports whether all of other is in the set.
func (f Families) Has(other Families) bool { return f&other == other }

// String returns the families as messages name them.
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
