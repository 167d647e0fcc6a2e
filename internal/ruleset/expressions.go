package ruleset

import (
	"fmt"
	"net/netip"
	"strconv"
)

// Expression is one match or action of a rule. This file has all of its types.
//
//sumtype:decl
type Expression interface {
	fmt.Stringer
	expression()
}

// InInterface matches the interface that a packet came from.
type InInterface struct{ Set string }

// OutInterface matches the interface that a packet goes to. A packet to the unit itself has no such interface.
type OutInterface struct{ Set string }

// IsFamily matches packets of one family.
type IsFamily struct{ Family Family }

// Source matches the source against an address set of the family.
type Source struct {
	Family Family
	Set    string
}

// Destination matches the destination against an address set of the family.
type Destination struct {
	Family Family
	Set    string
}

// DestinationIs matches one destination address.
type DestinationIs struct{ Address netip.Addr }

// HopLimit matches the hop limit of IPv6 packets. A packet that arrives with 255 has passed no router.
type HopLimit uint8

// Protocol matches the number of the transport protocol.
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

// Port matches the destination port against a port set. A Protocol with ports must precede it.
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

// NotSYN matches TCP segments that do not open a connection, which is a SYN without ACK, RST and FIN.
type NotSYN struct{}

// State matches the state that connection tracking gives a packet.
type State uint8

// The states of connection tracking in use.
const (
	Established State = iota
	Related
	Invalid
)

// Limit matches up to PerSecond packets a second, and up to Burst at once.
type Limit struct {
	PerSecond uint32
	Burst     uint32
}

// Log copies the head of a packet to the listeners of an nfnetlink_log group. The kernel's own log is closed to pods:
// it only accepts lines from the initial network namespace.
type Log struct {
	Group  uint16
	Prefix string
}

// Counter counts packets and bytes.
type Counter struct{}

// Accept passes the packet.
type Accept struct{}

// Drop discards the packet without an answer.
type Drop struct{}

// Return continues in the chain that jumped to this one.
type Return struct{}

// Jump continues in another chain, and after its end in this one.
type Jump struct{ Chain string }

// Goto continues in another chain and does not come back.
type Goto struct{ Chain string }

// RejectTCP answers with a reset. Protocol TCP must precede it.
type RejectTCP struct{}

// Reject answers with an ICMP error: administratively prohibited.
type Reject struct{}

// SourceNAT translates the source of the connection.
type SourceNAT struct{ Address netip.Addr }

// DestinationNAT translates the destination of the connection. Port 0 leaves the port as it is.
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

// String returns the match of the family in nft.
func (e IsFamily) String() string {
	if e.Family == IPv4 {
		return "meta nfproto ipv4"
	}
	return "meta nfproto ipv6"
}

// String returns the match of the protocol in nft.
func (e Protocol) String() string {
	names := map[Protocol]string{
		ICMP: "icmp", TCP: "tcp", UDP: "udp", GRE: "gre", ESP: "esp", AH: "ah", ICMPv6: "ipv6-icmp", SCTP: "sctp",
	}
	if name, ok := names[e]; ok {
		return "meta l4proto " + name
	}
	return "meta l4proto " + strconv.Itoa(int(e))
}

// String returns the match of the state in nft.
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

// LogSnapLength is the number of bytes of a packet that Log copies: enough for the headers of IPv6 and TCP.
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
