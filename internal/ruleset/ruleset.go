package ruleset

import (
	"math"
	"net/netip"
	"slices"
	"time"
)

// Ruleset is one table of the inet family with its sets and chains.
type Ruleset struct {
	Table string
	// Document is the hash of the document that the ruleset was compiled from. The kernel stores it as the name of an
	// empty chain, so that a firewall learns after a restart what is in force. An empty hash is not stored.
	Document      string
	Helpers       []Helper
	InterfaceSets []InterfaceSet
	AddressSets   []AddressSet
	PortSets      []PortSet
	PathMaps      []PathMap
	SegmentMaps   []SegmentMap
	SourceCaches  []SourceCache
	DynamicSets   []DynamicSet
	Chains        []Chain
}

// InterfaceSet is a named set of interface names.
type InterfaceSet struct {
	Name       string
	Interfaces []string
}

// AddressSet is a named set of addresses of one family: sorted ranges that do not touch.
type AddressSet struct {
	Name   string
	Family Family
	Runs   []AddressRun
	// NetworksOf names an interface whose networks belong to the set too; empty for none. Only the kernel knows them.
	NetworksOf string
}

// AddressRun is an inclusive range of addresses.
type AddressRun struct{ First, Last netip.Addr }

// PortSet is a named set of ports: sorted ranges that do not touch.
type PortSet struct {
	Name string
	Runs []PortRun
}

// PortRun is an inclusive range of ports.
type PortRun struct{ First, Last uint16 }

// PathMap is a named map from the interfaces of a path to a mark. With ToUnit, its paths end at the unit itself.
type PathMap struct {
	Name   string
	ToUnit bool
	Paths  []Path
}

// Path is the way of a packet: the interface that it came from and the one that it goes to, which is empty for a packet
// to the unit itself.
type Path struct {
	In, Out string
	Mark    uint32
}

// SourceCache is a named set of the sources that passed the checks of an interface. Rules add to it. The kernel forgets
// each after SourceCacheLifetime.
type SourceCache struct {
	Name   string
	Family Family
}

const (
	// SourceCacheLifetime bounds how long a source is not checked again.
	SourceCacheLifetime = time.Second
	// SourceCachePrefix begins the names of caches. Changes of their elements are no changes of a ruleset.
	SourceCachePrefix = "known."
	// SourceCacheSize bounds the sources of a family. Others are checked with every packet.
	SourceCacheSize = 16384
)

// SegmentMap is a named map from an interface to the maximum segment size of TCP over a family.
type SegmentMap struct {
	Name       string
	Family     Family
	Interfaces []InterfaceMTU
}

// InterfaceMTU is the length of the longest packet on the paths of an interface. An MTU of 0 stands for that of the
// interface itself, which is only known where the ruleset is applied.
type InterfaceMTU struct {
	Interface string
	MTU       uint16
}

// SegmentSize returns how much of a packet is left without the headers of TCP and IP.
func (f Family) SegmentSize(mtu int) uint16 {
	headers := 40
	if f == IPv6 {
		headers = 60
	}
	return uint16(min(max(mtu-headers, 0), math.MaxUint16))
}

// Chain is a list of rules. The kernel calls chains with a hook; rules jump to the others.
type Chain struct {
	Name  string
	Hook  *Hook
	Rules []Rule
}

// Hook is the place in the kernel at which a chain sees packets.
type Hook struct {
	Point HookPoint
	NAT   bool
	// Raw runs the chain before connection tracking.
	Raw bool
	// Mangle runs the chain between connection tracking and translation.
	Mangle bool
	// Late runs the chain after others of its kind. One that translates sees only what those have not translated.
	Late bool
	// Drops is set if the kernel drops what no rule of the chain decides about. Otherwise it accepts that.
	Drops bool
}

// Rule is a list of matches and then actions, evaluated from left to right until a match fails.
type Rule []Expression

// Family is an address family.
type Family uint8

// The address families.
const (
	IPv4 Family = iota
	IPv6
)

// FamilyOf returns the family of an address.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

// String returns the name of the family in matches and translations of nft.
func (f Family) String() string {
	if f == IPv4 {
		return "ip"
	}
	return "ip6"
}

// Number returns the number of the family in netfilter: NFPROTO_IPV4 or NFPROTO_IPV6 of linux/netfilter.h.
func (f Family) Number() byte {
	if f == IPv4 {
		return 2
	}
	return 10
}

// AddressBytes returns the length of an address.
func (f Family) AddressBytes() uint32 {
	if f == IPv4 {
		return 4
	}
	return 16
}

// HookPoint is a point on the path of a packet through the kernel.
type HookPoint uint8

// The hook points in use.
const (
	Prerouting HookPoint = iota
	Input
	Forward
	Output
	Postrouting
)

// DocumentChain is the prefix of the chain whose name has the hash of the document.
const DocumentChain = "document."

// AllChains returns the chains, including the one whose name has the hash of the document.
func (r Ruleset) AllChains() []Chain {
	if r.Document == "" {
		return r.Chains
	}
	return append(slices.Clone(r.Chains), Chain{Name: DocumentChain + r.Document})
}

// Rules returns the number of rules in all chains.
func (r Ruleset) Rules() (n int) {
	for _, c := range r.Chains {
		n += len(c.Rules)
	}
	return n
}
