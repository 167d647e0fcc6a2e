package document

import (
	"cmp"
	"net/netip"
	"slices"
)

// DynamicRouting lets the active unit exchange routes with other routers.
type DynamicRouting struct {
	// RouterID is needed by OSPF and BGP.
	RouterID netip.Addr `json:"routerID,omitzero"`
	OSPF     OSPF       `json:"ospf,omitzero"`
	OSPFv3   OSPFv3     `json:"ospfv3,omitzero"`
	RIP      RIP        `json:"rip,omitzero"`
	RIPng    RIPng      `json:"ripng,omitzero"`
	BGP      BGP        `json:"bgp,omitzero"`
	// Raw are further lines for the configuration of FRR.
	Raw string `json:"raw,omitempty"`
}

// IsEnabled reports whether the unit exchanges routes.
func (d DynamicRouting) IsEnabled() bool {
	return d.OSPF.IsEnabled() || d.OSPFv3.IsEnabled() || d.RIP.IsEnabled() || d.RIPng.IsEnabled() || d.BGP.IsEnabled()
}

// Redistribution are routes that are announced by another protocol.
type Redistribution string

// The choices.
const (
	// RedistributeConnected announces the networks of the pair.
	RedistributeConnected Redistribution = "Connected"
	// RedistributeStatic announces the static routes of the document.
	RedistributeStatic Redistribution = "Static"
)

func (Redistribution) known() []string {
	return []string{string(RedistributeConnected), string(RedistributeStatic)}
}

// OSPF is OSPFv2.
type OSPF struct {
	Areas           []OSPFArea       `json:"areas"`
	Redistribute    []Redistribution `json:"redistribute,omitempty"`
	AnnounceDefault bool             `json:"announceDefault,omitempty"`
}

// IsEnabled reports whether the protocol runs.
func (o OSPF) IsEnabled() bool { return len(o.Areas) > 0 }

// OSPFArea is an area of OSPFv2.
type OSPFArea struct {
	ID netip.Addr `json:"id"`
	// Type is OSPFNormal if it is empty.
	Type       OSPFAreaType    `json:"type,omitempty"`
	Interfaces []OSPFInterface `json:"interfaces"`
}

// OSPFAreaType is whether an area has routes from outside of OSPF.
type OSPFAreaType string

// The types of areas.
const (
	OSPFNormal OSPFAreaType = "Normal"
	OSPFStub   OSPFAreaType = "Stub"
	OSPFNSSA   OSPFAreaType = "NSSA"
)

func (OSPFAreaType) known() []string {
	return []string{string(OSPFNormal), string(OSPFStub), string(OSPFNSSA)}
}

// OSPFInterface is an interface with OSPFv2.
type OSPFInterface struct {
	Name    string `json:"name"`
	Passive bool   `json:"passive,omitempty"`
	// Cost, HelloSeconds and DeadSeconds are the defaults of OSPF if they are 0.
	Cost           uint16     `json:"cost,omitempty"`
	HelloSeconds   uint16     `json:"helloSeconds,omitempty"`
	DeadSeconds    uint16     `json:"deadSeconds,omitempty"`
	Authentication RoutingKey `json:"authentication,omitzero"`
}

// RoutingKey refers to a key that routers share.
type RoutingKey struct {
	// ID is DefaultKeyID if it is 0.
	ID  uint16    `json:"id,omitempty"`
	Key SecretKey `json:"key"`
}

// DefaultKeyID is the number of a key that has none.
const DefaultKeyID = 1

// IsSet reports whether there is a key.
func (k RoutingKey) IsSet() bool { return k.Key != "" }

// EffectiveID returns the number of the key.
func (k RoutingKey) EffectiveID() uint16 { return cmp.Or(k.ID, DefaultKeyID) }

// OSPFv3 is OSPFv3.
type OSPFv3 struct {
	Areas           []OSPFv3Area     `json:"areas"`
	Redistribute    []Redistribution `json:"redistribute,omitempty"`
	AnnounceDefault bool             `json:"announceDefault,omitempty"`
}

// IsEnabled reports whether the protocol runs.
func (o OSPFv3) IsEnabled() bool { return len(o.Areas) > 0 }

// OSPFv3Area is an area of OSPFv3.
type OSPFv3Area struct {
	ID netip.Addr `json:"id"`
	// Type is OSPFNormal if it is empty.
	Type       OSPFAreaType      `json:"type,omitempty"`
	Interfaces []OSPFv3Interface `json:"interfaces"`
}

// OSPFv3Interface is an interface with OSPFv3.
type OSPFv3Interface struct {
	Name         string `json:"name"`
	Passive      bool   `json:"passive,omitempty"`
	Cost         uint16 `json:"cost,omitempty"`
	HelloSeconds uint16 `json:"helloSeconds,omitempty"`
	DeadSeconds  uint16 `json:"deadSeconds,omitempty"`
}

// RIP is RIPv2.
type RIP struct {
	Interfaces      []RIPInterface   `json:"interfaces"`
	Redistribute    []Redistribution `json:"redistribute,omitempty"`
	AnnounceDefault bool             `json:"announceDefault,omitempty"`
}

// IsEnabled reports whether the protocol runs.
func (r RIP) IsEnabled() bool { return len(r.Interfaces) > 0 }

// RIPInterface is an interface with RIPv2.
type RIPInterface struct {
	Name           string     `json:"name"`
	Passive        bool       `json:"passive,omitempty"`
	Authentication RoutingKey `json:"authentication,omitzero"`
}

// RIPng is RIPng.
type RIPng struct {
	Interfaces      []RIPngInterface `json:"interfaces"`
	Redistribute    []Redistribution `json:"redistribute,omitempty"`
	AnnounceDefault bool             `json:"announceDefault,omitempty"`
}

// IsEnabled reports whether the protocol runs.
func (r RIPng) IsEnabled() bool { return len(r.Interfaces) > 0 }

// RIPngInterface is an interface with RIPng.
type RIPngInterface struct {
	Name    string `json:"name"`
	Passive bool   `json:"passive,omitempty"`
}

// BGP is BGP-4.
type BGP struct {
	ASN          uint32           `json:"asn"`
	Neighbours   []BGPNeighbour   `json:"neighbours"`
	Networks     []netip.Prefix   `json:"networks,omitempty"`
	Redistribute []Redistribution `json:"redistribute,omitempty"`
}

// IsEnabled reports whether the protocol runs.
func (b BGP) IsEnabled() bool { return b.ASN != 0 }

// BGPNeighbour is a router that the pair exchanges routes with.
type BGPNeighbour struct {
	Address netip.Addr `json:"address"`
	// LocalAddress is a virtual address of the pair.
	LocalAddress netip.Addr `json:"localAddress"`
	ASN          uint32     `json:"asn"`
	PasswordKey  SecretKey  `json:"passwordKey,omitempty"`
	// Hops is 1 if it is 0, and HoldSeconds the default of FRR.
	Hops        uint16 `json:"hops,omitempty"`
	HoldSeconds uint16 `json:"holdSeconds,omitempty"`
	// Accept and Announce limit the routes. Each prefix stands for itself and all longer ones in it.
	Accept   []netip.Prefix `json:"accept,omitempty"`
	Announce []netip.Prefix `json:"announce,omitempty"`
}

// SecretReferences returns all entries of the Secret that dynamic routing needs, in the order of the document.
func (d DynamicRouting) SecretReferences() []SecretReference {
	var all []SecretReference
	for i, area := range d.OSPF.Areas {
		for j, n := range area.Interfaces {
			at := dynamicRouting.field("ospf").field("areas").index(i).field("interfaces").index(j)
			all = append(all, SecretReference{string(at.field("authentication").field("key")), n.Authentication.Key})
		}
	}
	for i, n := range d.RIP.Interfaces {
		at := dynamicRouting.field("rip").field("interfaces").index(i)
		all = append(all, SecretReference{string(at.field("authentication").field("key")), n.Authentication.Key})
	}
	for i, n := range d.BGP.Neighbours {
		at := dynamicRouting.field("bgp").field("neighbours").index(i)
		all = append(all, SecretReference{string(at.field("passwordKey")), n.PasswordKey})
	}
	return slices.DeleteFunc(all, func(r SecretReference) bool { return r.Key == "" })
}

// dynamicRouting is the path of DynamicRouting.
var dynamicRouting = spec.field("routing").field("dynamic")
