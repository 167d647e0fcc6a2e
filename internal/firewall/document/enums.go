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
	// OSPFPackets are those of both versions of OSPF.
	OSPFPackets Protocol = "OSPF"
)

func (Protocol) known() []string {
	return []string{
		string(TCP), string(UDP), string(SCTP), string(ICMP), string(ICMPv6), string(GRE), string(ESP), string(AH),
		string(OSPFPackets),
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

// SourceValidation is a check of packets' sources against the routes of the data plane (RFC 3704). Every check
// drops packets from the unit's own addresses.
type SourceValidation string

// The checks.
const (
	// SourceStrict demands that the route back to the source uses the interface that the packet came from.
	SourceStrict SourceValidation = "Strict"
	// SourceLoose demands that there is a route back to the source, for segments with asymmetric routes.
	SourceLoose SourceValidation = "Loose"
	// SourceDisabled demands only that the source is no address of the unit.
	SourceDisabled SourceValidation = "Disabled"
)

func (SourceValidation) known() []string {
	return []string{string(SourceStrict), string(SourceLoose), string(SourceDisabled)}
}

// MSSClamping is whether the maximum segment size of TCP connections is limited to what a zone's paths carry.
type MSSClamping string

// The choices.
const (
	MSSEnabled  MSSClamping = "Enabled"
	MSSDisabled MSSClamping = "Disabled"
)

func (MSSClamping) known() []string { return []string{string(MSSEnabled), string(MSSDisabled)} }

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
