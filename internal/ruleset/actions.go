package ruleset

import (
	"encoding/binary"
	"fmt"
	"net/netip"
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

// NoTrack keeps connection tracking from seeing the packet.
type NoTrack struct{}

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

// MarkPacket sets bits of the packet's mark and keeps the others.
type MarkPacket struct{ Bits uint32 }

// UnmarkPacket clears bits of the packet's mark and keeps the others.
type UnmarkPacket struct{ Bits uint32 }

// MarkConnection sets bits of the connection's mark and keeps the others.
type MarkConnection struct{ Bits uint32 }

// RecordPath sets the connection's mark to the one that a map of paths has for the packet's interfaces. With ToUnit,
// the packet goes to the unit itself and to no interface.
type RecordPath struct {
	Map    string
	ToUnit bool
}

// RememberSource adds the interface and the source of a packet to a cache.
type RememberSource struct{ Cache SourceCache }

// ClampSegments lowers the maximum segment size that a SYN announces to that of an interface in a map. The interface
// is the one that the packet came from, or the one that it goes to.
type ClampSegments struct {
	Family Family
	Map    string
	Out    bool
}

// LogSnapLength is the number of bytes of a packet that Log copies: enough for the headers of IPv6 and TCP.
const LogSnapLength = 128

func (e Limit) String() string {
	return fmt.Sprintf("limit rate %d/second burst %d packets", e.PerSecond, e.Burst)
}

func (e Log) String() string {
	return fmt.Sprintf("log prefix %q group %d snaplen %d", e.Prefix, e.Group, LogSnapLength)
}

func (e Jump) String() string    { return "jump " + e.Chain }
func (e Goto) String() string    { return "goto " + e.Chain }
func (Counter) String() string   { return "counter" }
func (NoTrack) String() string   { return "notrack" }
func (Accept) String() string    { return "accept" }
func (Drop) String() string      { return "drop" }
func (Return) String() string    { return "return" }
func (RejectTCP) String() string { return "reject with tcp reset" }
func (Reject) String() string    { return "reject with icmpx admin-prohibited" }

func (e SourceNAT) String() string {
	return fmt.Sprintf("snat %s to %s", FamilyOf(e.Address), e.Address)
}

func (e DestinationNAT) String() string {
	if e.Port == 0 {
		return fmt.Sprintf("dnat %s to %s", FamilyOf(e.Address), e.Address)
	}
	return fmt.Sprintf("dnat %s to %s", FamilyOf(e.Address), netip.AddrPortFrom(e.Address, e.Port))
}

func (e MarkPacket) String() string { return fmt.Sprintf("meta mark set meta mark | %#08x", e.Bits) }

// steps changes the mark in place.
func (e MarkPacket) steps() []Step {
	return []Step{LoadMeta{metaMark}, SetBits{native(e.Bits)}, StoreMeta{metaMark}}
}

func (e UnmarkPacket) String() string { return fmt.Sprintf("meta mark set meta mark & %#08x", ^e.Bits) }

// steps changes the mark in place.
func (e UnmarkPacket) steps() []Step {
	return []Step{LoadMeta{metaMark}, Mask{native(^e.Bits)}, StoreMeta{metaMark}}
}

func (e MarkConnection) String() string { return fmt.Sprintf("ct mark set ct mark | %#08x", e.Bits) }

// steps changes the mark in place.
func (e MarkConnection) steps() []Step {
	return []Step{LoadConnection{connectionMark}, SetBits{native(e.Bits)}, StoreConnection{connectionMark}}
}

// String returns the action in nft.
func (e RecordPath) String() string {
	if e.ToUnit {
		return "ct mark set iifname map @" + e.Map
	}
	return "ct mark set iifname . oifname map @" + e.Map
}

// steps looks the names up as one key.
func (e RecordPath) steps() []Step {
	steps := []Step{LoadMeta{metaInInterface}}
	if !e.ToUnit {
		steps = append(steps, LoadMetaNext{metaOutInterface})
	}
	return append(steps, MapTo{e.Map}, StoreConnection{connectionMark})
}

func (e RememberSource) String() string {
	return fmt.Sprintf("add @%s { iif . %s saddr }", e.Cache.Name, e.Cache.Family)
}

// steps adds the key of the cache.
func (e RememberSource) steps() []Step {
	return withFamily(e.Cache.Family, append(e.Cache.key(), AddToSet{e.Cache.Name})...)
}

// String returns the clamp in nft.
func (e ClampSegments) String() string {
	name := "iifname"
	if e.Out {
		name = "oifname"
	}
	return fmt.Sprintf("%s tcp option maxseg size set %s map @%s", IsFamily{e.Family}, name, e.Map)
}

// steps writes the size of the interface. A rule with this action tests before that the packet has SYN.
func (e ClampSegments) steps() []Step {
	key := metaInInterface
	if e.Out {
		key = metaOutInterface
	}
	return withFamily(e.Family, LoadMeta{key}, MapTo{e.Map}, StoreSegmentSize{})
}

// native returns a number in the byte order of the machine.
func native(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

func (Limit) step()          {}
func (Log) step()            {}
func (Counter) step()        {}
func (NoTrack) step()        {}
func (Accept) step()         {}
func (Drop) step()           {}
func (Return) step()         {}
func (Jump) step()           {}
func (Goto) step()           {}
func (RejectTCP) step()      {}
func (Reject) step()         {}
func (SourceNAT) step()      {}
func (DestinationNAT) step() {}

// An action is its own only step.

func (e Limit) steps() []Step          { return []Step{e} }
func (e Log) steps() []Step            { return []Step{e} }
func (e Counter) steps() []Step        { return []Step{e} }
func (e NoTrack) steps() []Step        { return []Step{e} }
func (e Accept) steps() []Step         { return []Step{e} }
func (e Drop) steps() []Step           { return []Step{e} }
func (e Return) steps() []Step         { return []Step{e} }
func (e Jump) steps() []Step           { return []Step{e} }
func (e Goto) steps() []Step           { return []Step{e} }
func (e RejectTCP) steps() []Step      { return []Step{e} }
func (e Reject) steps() []Step         { return []Step{e} }
func (e SourceNAT) steps() []Step      { return []Step{e} }
func (e DestinationNAT) steps() []Step { return []Step{e} }
