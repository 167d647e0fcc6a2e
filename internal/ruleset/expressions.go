package ruleset

import (
	"fmt"
	"net/netip"
	"strconv"
)

// Expression is one match or action of a rule. The types of this file are all there are.
//
//sumtype:decl
type Expression interface {
	fmt.Stringer
	expression()
}

// InInterface matches packets by the interface that they came from.
type InInterface struct{ Set string }

// OutInterface matches packets by the interface that they go to; none is known on the way to the unit itself.
type OutInterface struct{ Set string }

// IsFamily matches packets of one family.
type IsFamily struct{ Family Family }

// Source matches the source by an address set of the family.
type Source struct {
	Family Family
	Set    string
}

// Destination matches the destination by an address set of the family.
type Destination struct {
	Family Family
	Set    string
}

// DestinationIs matches one address as the destination.
type DestinationIs struct{ Address netip.Addr }

// HopLimit matches IPv6 packets by their hop limit. One that is sent with 255 and arrives with 255 passed no router.
type HopLimit uint8

// Protocol matches by the number of the transport protocol.
type Protocol uint8

// The protocols in use, by their IANA numbers.
const (
	ICMP   Protocol = 1
	TCP    Protocol = 6
	UDP    Protocol = 17
	GRE    Protocol = 47
	ESP    Protocol = 50
	AH     Protocol = 51
	ICMPv6 Protocol = 58
	SCTP   Protocol = 132
)

// Port matches by a port set. A Protocol with ports must precede it.
type Port struct{ Set string }

// ICMPType matches ICMP (IPv4) or ICMPv6 (IPv6) messages of a type, with any code.
type ICMPType struct {
	Family Family
	Type   uint8
}

// ICMPMessage matches ICMP (IPv4) or ICMPv6 (IPv6) messages of a type and code.
type ICMPMessage struct {
	Family     Family
	Type, Code uint8
}

// NotSYN matches TCP segments other than those that open a connection: SYN without ACK, RST and FIN.
type NotSYN struct{}

// State matches by what connection tracking says of the packet.
type State uint8

// The states of connection tracking in use.
const (
	Established State = iota
	Related
	Invalid
)

// Limit matches this many packets a second, and a few at once.
type Limit struct {
	PerSecond uint32
	Burst     uint32
}

// Log copies the head of the packet to who listens to the group of nfnetlink_log. A pod cannot write to the kernel's
// log: the kernel takes no lines from network namespaces other than the first.
type Log struct {
	Group  uint16
	Prefix string
}

// Counter counts packets and bytes.
type Counter struct{}

// Accept lets the packet pass this table.
type Accept struct{}

// Drop ends the packet, with nothing said to anyone.
type Drop struct{}

// Return goes on where the chain was jumped to from.
type Return struct{}

// Jump goes on in another chain, and here when that ends.
type Jump struct{ Chain string }

// Goto goes on in another chain, and does not come back here.
type Goto struct{ Chain string }

// RejectTCP answers with a reset. Protocol TCP must precede it.
type RejectTCP struct{}

// Reject answers with an ICMP error: administratively prohibited.
type Reject struct{}

// SourceNAT gives the connection another source.
type SourceNAT struct{ Address netip.Addr }

// DestinationNAT gives the connection another destination. Port 0 keeps the port.
type DestinationNAT struct {
	Address netip.Addr
	Port    uint16
}

func (InInterface) expression()    {}
func (OutInterface) expression()   {}
func (IsFamily) expression()       {}
func (Source) expression()         {}
func (Destination) expression()    {}
func (DestinationIs) expression()  {}
func (HopLimit) expression()       {}
func (Protocol) expression()       {}
func (Port) expression()           {}
func (ICMPType) expression()       {}
func (ICMPMessage) expression()    {}
func (NotSYN) expression()         {}
func (State) expression()          {}
func (Limit) expression()          {}
func (Log) expression()            {}
func (Counter) expression()        {}
func (Accept) expression()         {}
func (Drop) expression()           {}
func (Return) expression()         {}
func (Jump) expression()           {}
func (Goto) expression()           {}
func (RejectTCP) expression()      {}
func (Reject) expression()         {}
func (SourceNAT) expression()      {}
func (DestinationNAT) expression() {}

func (e InInterface) String() string  { return "iifname @" + e.Set }
func (e OutInterface) String() string { return "oifname @" + e.Set }
func (e Source) String() string       { return e.Family.String() + " saddr @" + e.Set }
func (e Destination) String() string  { return e.Family.String() + " daddr @" + e.Set }
func (e DestinationIs) String() string {
	return fmt.Sprintf("%s daddr %s", FamilyOf(e.Address), e.Address)
}
func (e HopLimit) String() string { return fmt.Sprintf("ip6 hoplimit %d", uint8(e)) }
func (e Port) String() string     { return "th dport @" + e.Set }
func (e Jump) String() string     { return "jump " + e.Chain }
func (e Goto) String() string     { return "goto " + e.Chain }
func (NotSYN) String() string     { return "tcp flags & (fin | syn | rst | ack) != syn" }
func (Counter) String() string    { return "counter" }
func (Accept) String() string     { return "accept" }
func (Drop) String() string       { return "drop" }
func (Return) String() string     { return "return" }
func (RejectTCP) String() string  { return "reject with tcp reset" }
func (Reject) String() string     { return "reject with icmpx admin-prohibited" }

// String names the family as nftables does in a match by it.
func (e IsFamily) String() string {
	if e.Family == IPv4 {
		return "meta nfproto ipv4"
	}
	return "meta nfproto ipv6"
}

// String names the protocol as nftables does.
func (e Protocol) String() string {
	names := map[Protocol]string{
		ICMP: "icmp", TCP: "tcp", UDP: "udp", GRE: "gre", ESP: "esp", AH: "ah", ICMPv6: "ipv6-icmp", SCTP: "sctp",
	}
	if name, ok := names[e]; ok {
		return "meta l4proto " + name
	}
	return "meta l4proto " + strconv.Itoa(int(e))
}

// String names the state as nftables does.
func (e State) String() string {
	return "ct state " + [...]string{"established", "related", "invalid"}[e]
}

func (e ICMPType) String() string {
	return fmt.Sprintf("%s type %d", icmpName(e.Family), e.Type)
}

func (e ICMPMessage) String() string {
	name := icmpName(e.Family)
	return fmt.Sprintf("%s type %d %s code %d", name, e.Type, name, e.Code)
}

func icmpName(f Family) string {
	if f == IPv4 {
		return "icmp"
	}
	return "icmpv6"
}

func (e Limit) String() string {
	return fmt.Sprintf("limit rate %d/second burst %d packets", e.PerSecond, e.Burst)
}

func (e Log) String() string {
	return fmt.Sprintf("log prefix %q group %d snaplen %d", e.Prefix, e.Group, LogSnapLength)
}

// LogSnapLength is how many bytes of a packet Log copies: enough for the headers of IPv6 and TCP.
const LogSnapLength = 128

func (e SourceNAT) String() string {
	return fmt.Sprintf("snat %s to %s", FamilyOf(e.Address), e.Address)
}

func (e DestinationNAT) String() string {
	if e.Port == 0 {
		return fmt.Sprintf("dnat %s to %s", FamilyOf(e.Address), e.Address)
	}
	return fmt.Sprintf("dnat %s to %s", FamilyOf(e.Address), netip.AddrPortFrom(e.Address, e.Port))
}
