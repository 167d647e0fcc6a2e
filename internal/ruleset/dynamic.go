package ruleset

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// DynamicSet is a named set or map whose elements are no part of the ruleset. Rules and programs add and remove them,
// and the kernel removes each when its time ends. A replacement of the ruleset keeps the elements, unless the types or
// the bounds of the set changed.
type DynamicSet struct {
	Name string
	// Key has the types of the values that make up a key. Value has those of a map's values; it is empty for a set.
	Key, Value []ElementType
	// Timeout is that of elements that are added without one; 0 keeps these until they are removed.
	Timeout time.Duration
	// IsFilledByRules is set if rules add elements.
	IsFilledByRules bool
}

// MaxDynamicElements is the size of a dynamic set. The kernel refuses elements beyond it.
const MaxDynamicElements = 65536

// ElementType is the type of a value in a dynamic set.
type ElementType uint8

// The types in use.
const (
	IPv4Address ElementType = iota
	IPv6Address
	PortNumber
	ProtocolNumber
	InterfaceName
	FamilyNumber
	// SlotNumber is the number of a slot, and PacketMark a mark of packets or connections.
	SlotNumber
	PacketMark
)

// AddressType returns the type of the addresses of a family.
func (f Family) AddressType() ElementType {
	if f == IPv4 {
		return IPv4Address
	}
	return IPv6Address
}

// String returns the type in nft.
func (t ElementType) String() string {
	return [...]string{"ipv4_addr", "ipv6_addr", "inet_service", "inet_proto", "ifname", "nf_proto", "integer", "mark"}[t]
}

// Prefixes of the names of dynamic sets.
const (
	// DynamicAddressPrefix begins the names of sets of address objects.
	DynamicAddressPrefix = "dynamic."
	// PinholePrefix begins the names of sets and maps of application gateways.
	PinholePrefix = "pinholes."
	// LinkPrefix begins the names of maps from slots to links.
	LinkPrefix = "links."
	// MulticastPrefix begins the names of sets of multicast memberships.
	MulticastPrefix = "multicast."
)

// HasFreeElements reports whether a set of this name is dynamic or a cache. Changes of its elements are no changes of
// the ruleset.
func HasFreeElements(set string) bool {
	for _, prefix := range []string{SourceCachePrefix, DynamicAddressPrefix, PinholePrefix, LinkPrefix, MulticastPrefix} {
		if strings.HasPrefix(set, prefix) {
			return true
		}
	}
	return false
}

// kind returns what the set is in nft.
func (s DynamicSet) kind() string {
	if len(s.Value) > 0 {
		return "map"
	}
	return "set"
}

// lines returns the set without elements.
func (s DynamicSet) lines() []string {
	types, flags := joined(s.Key), "timeout"
	if len(s.Value) > 0 {
		types += " : " + joined(s.Value)
	}
	if s.IsFilledByRules {
		flags = "dynamic,timeout"
	}
	kind := "type "
	if slices.Contains(s.Key, SlotNumber) {
		// A type integer has no length in nft.
		kind, types = "typeof ", fmt.Sprintf("numgen inc mod %d : meta mark", LinkSlots)
	}
	lines := []string{kind + types, fmt.Sprintf("size %d", MaxDynamicElements), "flags " + flags}
	if s.Timeout > 0 {
		lines = append(lines, fmt.Sprintf("timeout %s", nftDuration(s.Timeout)))
	}
	return lines
}

// joined returns the types of a concatenation in nft.
func joined(all []ElementType) string { return strings.Join(texts(all), " . ") }

// nftDuration returns a duration of whole seconds in nft.
func nftDuration(d time.Duration) string { return fmt.Sprintf("%ds", int64(d/time.Second)) }

// RememberAddress adds the source or the destination of a packet to a dynamic set. If the set has it, its time begins
// again. If the set is full, it ends the rule.
type RememberAddress struct {
	Family Family
	Set    string
	// Source is set for the source address.
	Source  bool
	Timeout time.Duration
}

// String returns the action in nft.
func (e RememberAddress) String() string {
	field := "daddr"
	if e.Source {
		field = "saddr"
	}
	return fmt.Sprintf("update @%s { %s %s timeout %s }", e.Set, e.Family, field, nftDuration(e.Timeout))
}

// steps adds the address.
func (e RememberAddress) steps() []Step {
	load := e.Family.loadDestination()
	if e.Source {
		load = e.Family.loadSource()
	}
	return withFamily(e.Family, load, UpdateSet{Set: e.Set, Timeout: e.Timeout})
}
