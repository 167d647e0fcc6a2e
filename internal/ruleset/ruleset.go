package ruleset

import (
	"net/netip"
	"slices"
)

// Ruleset is one table of the inet family with all that is in it.
type Ruleset struct {
	Table string
	// Document is the hash of the document that it was made of. It is kept in the kernel as the name of a chain without
	// rules, so that a firewall that was restarted knows what is in force. Nothing is kept when it is empty.
	Document      string
	InterfaceSets []InterfaceSet
	AddressSets   []AddressSet
	PortSets      []PortSet
	Chains        []Chain
}

// InterfaceSet is a named set of interfaces' names.
type InterfaceSet struct {
	Name       string
	Interfaces []string
}

// AddressSet is a named set of addresses of one family: sorted runs, of which no two touch.
type AddressSet struct {
	Name   string
	Family Family
	Runs   []AddressRun
}

// AddressRun is all addresses from First to Last.
type AddressRun struct{ First, Last netip.Addr }

// PortSet is a named set of ports: sorted runs, of which no two touch.
type PortSet struct {
	Name string
	Runs []PortRun
}

// PortRun is all ports from First to Last.
type PortRun struct{ First, Last uint16 }

// Chain is a list of rules. One with a hook is where packets come in; the others are jumped to.
type Chain struct {
	Name  string
	Hook  *Hook
	Rules []Rule
}

// Hook is where in the kernel a chain sees packets. Its policy is always to accept: what must not pass is dropped by
// rules, which look at the traffic interfaces alone.
type Hook struct {
	Point HookPoint
	NAT   bool
}

// Rule is matches and then actions, carried out from left to right as long as the matches hold.
type Rule []Expression

// Family is an address family.
type Family uint8

// The address families.
const (
	IPv4 Family = iota
	IPv6
)

// FamilyOf is the family of an address.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

// String is the family as nftables names it in matches and translations.
func (f Family) String() string {
	if f == IPv4 {
		return "ip"
	}
	return "ip6"
}

// HookPoint is a place on the way of a packet.
type HookPoint uint8

// The hook points in use.
const (
	Prerouting HookPoint = iota
	Input
	Forward
	Output
	Postrouting
)

// DocumentChain is how the name of the chain begins that tells of the document.
const DocumentChain = "document."

// AllChains are the chains, and that which tells of the document.
func (r Ruleset) AllChains() []Chain {
	if r.Document == "" {
		return r.Chains
	}
	return append(slices.Clone(r.Chains), Chain{Name: DocumentChain + r.Document})
}

// Rules counts the rules of all chains.
func (r Ruleset) Rules() (n int) {
	for _, c := range r.Chains {
		n += len(c.Rules)
	}
	return n
}
