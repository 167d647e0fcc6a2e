package testbed

import (
	"fmt"
	"net/netip"
	"testing"
)

// These addresses are the same in every test, because each test has its own namespaces.
const (
	ClientAddress     = "192.168.50.10"
	ClientAddressIPv6 = "fd50::10"
	ServerAddress     = "203.0.113.9"
	ServerAddressIPv6 = "2001:db8:113::9"
)

// These are the virtual addresses. The server sees the client's connections come from the one on the WAN.
var (
	VirtualLAN     = netip.MustParsePrefix("192.168.50.1/24")
	VirtualLANIPv6 = netip.MustParsePrefix("fd50::1/64")
	VirtualWAN     = netip.MustParsePrefix("203.0.113.1/24")
	VirtualWANIPv6 = netip.MustParsePrefix("2001:db8:113::1/64")
)

// VirtualLinkLocal is a virtual address of the LAN that only a few tests have.
var VirtualLinkLocal = netip.MustParsePrefix("fe80::1/64")

// These are the addresses of the second WAN, which only a few tests have. InternetAddress is a host behind both WANs.
const (
	OtherServerAddress     = "198.51.100.9"
	OtherServerAddressIPv6 = "2001:db8:51::9"
	InternetAddress        = "192.0.2.9"
	InternetAddressIPv6    = "2001:db8:9::9"
)

// These are the virtual addresses on the second WAN.
var (
	VirtualOtherWAN     = netip.MustParsePrefix("198.51.100.1/24")
	VirtualOtherWANIPv6 = netip.MustParsePrefix("2001:db8:51::1/64")
)

// These are the addresses of the routers on the link between them.
const (
	PrimarySync   = "10.99.0.1"
	SecondarySync = "10.99.0.2"
)

// These are the last parts of the routers' own addresses.
const (
	primaryNumber   = 2
	secondaryNumber = 3
)

// Network is a client on a LAN, a server on a WAN, and two routers between them that can have the virtual addresses of
// both. A separate link connects the routers.
//
//	client ── lan ─┬─ primary ───┬─ wan ── server
//	               │     │sync   │
//	               └─ secondary ─┘
type Network struct {
	Client, Server, Primary, Secondary *Namespace
	// OtherServer is on the second WAN; nil without one.
	OtherServer *Namespace
	fabric      *Namespace // has the switches
	cables      []string   // of each router
}

// NewNetwork creates the network. Neither router has a virtual address.
func NewNetwork(t testing.TB) *Network {
	t.Helper()
	n := &Network{fabric: NewNamespace(t, "switch"), cables: []string{"lan0", "wan0", "sync0"}}
	n.fabric.Bridge(t, "lan")
	n.fabric.Bridge(t, "wan")

	n.Client = NewNamespace(t, "client")
	n.fabric.Plug(t, "lan", n.Client, "lan0", "client")
	n.Client.Link(t, "lan0").
		Address(ClientAddress + "/24").Route(VirtualLAN.Addr().String()).
		Address(ClientAddressIPv6 + "/64").Route(VirtualLANIPv6.Addr().String())

	// The server has a route back for IPv6 only, which is not translated.
	n.Server = NewNamespace(t, "server")
	n.fabric.Plug(t, "wan", n.Server, "wan0", "server")
	n.Server.Link(t, "wan0").
		Address(ServerAddress + "/24").Address(ServerAddressIPv6 + "/64").Route(VirtualWANIPv6.Addr().String())

	n.Primary = n.newRouter(t, "primary", primaryNumber)
	n.Secondary = n.newRouter(t, "secondary", secondaryNumber)
	Wire(t, n.Primary, "sync0", n.Secondary, "sync0")
	n.Primary.Link(t, "sync0").Address(PrimarySync + "/30")
	n.Secondary.Link(t, "sync0").Address(SecondarySync + "/30")
	return n
}

func (n *Network) newRouter(t testing.TB, name string, number int) *Namespace {
	t.Helper()
	router := NewNamespace(t, name)
	n.fabric.Plug(t, "lan", router, "lan0", name+"-lan")
	n.fabric.Plug(t, "wan", router, "wan0", name+"-wan")
	router.Link(t, "lan0").Address(fmt.Sprintf("192.168.50.%d/24", number))
	router.Link(t, "wan0").Address(fmt.Sprintf("203.0.113.%d/24", number))
	addIPv6(t, router, number)
	for name, value := range map[string]string{
		"net.ipv4.ip_forward":                               "1",
		"net.ipv6.conf.all.forwarding":                      "1",
		"net.netfilter.nf_conntrack_tcp_loose":              "0", // a connection that is not known is not believed to be one
		"net.netfilter.nf_conntrack_tcp_be_liberal":         "0",
		"net.netfilter.nf_conntrack_udp_timeout":            "30",
		"net.ipv4.conf.all.send_redirects":                  "0",
		"net.ipv4.conf.lan0.send_redirects":                 "0",
		"net.ipv4.conf.wan0.send_redirects":                 "0",
		"net.netfilter.nf_conntrack_tcp_ignore_invalid_rst": "0",
	} {
		router.Set(t, name, value)
	}
	router.Firewall(t, strictRules)
	return router
}

// addIPv6 adds the router's own IPv6 addresses, which a link loses when it is set down.
func addIPv6(t testing.TB, router *Namespace, number int) {
	t.Helper()
	router.Link(t, "lan0").Address(fmt.Sprintf("fd50::%d/64", number))
	router.Link(t, "wan0").Address(fmt.Sprintf("2001:db8:113::%d/64", number))
}

// AddHost adds a host without addresses on the LAN, whose interface is lan0.
func (n *Network) AddHost(t testing.TB, name string) *Namespace {
	t.Helper()
	return n.addHost(t, name, "lan")
}

// AddWANHost adds a host without addresses on the WAN, whose interface is wan0.
func (n *Network) AddWANHost(t testing.TB, name string) *Namespace {
	t.Helper()
	return n.addHost(t, name, "wan")
}

func (n *Network) addHost(t testing.TB, name, segment string) *Namespace {
	t.Helper()
	host, link := NewNamespace(t, name), segment+"0"
	n.fabric.Plug(t, segment, host, link, name)
	host.Link(t, link).Up()
	return host
}

// AddWAN adds the second WAN, with a server on it. The interface of each router there is wan1. Both servers also have
// InternetAddress and InternetAddressIPv6.
func (n *Network) AddWAN(t testing.TB) {
	t.Helper()
	n.fabric.Bridge(t, "other")
	n.OtherServer = NewNamespace(t, "server2")
	n.fabric.Plug(t, "other", n.OtherServer, "wan1", "server2")
	n.OtherServer.Link(t, "wan1").
		Address(OtherServerAddress + "/24").Address(OtherServerAddressIPv6 + "/64").Route(VirtualOtherWANIPv6.Addr().String())
	for _, server := range []*Namespace{n.Server, n.OtherServer} {
		server.Link(t, "lo").Up().Address(InternetAddress + "/32").Address(InternetAddressIPv6 + "/128")
	}
	for number, router := range map[int]*Namespace{primaryNumber: n.Primary, secondaryNumber: n.Secondary} {
		n.fabric.Plug(t, "other", router, "wan1", fmt.Sprintf("router%d-other", number))
		router.Link(t, "wan1").Address(fmt.Sprintf("198.51.100.%d/24", number))
	}
	n.cables = append(n.cables, "wan1")
}

// CutPower sets all links of a router down.
func (n *Network) CutPower(t testing.TB, router *Namespace) {
	t.Helper()
	for _, cable := range n.cables {
		router.Link(t, cable).Down()
	}
}

// RestorePower sets them up again. The router has lost its connections and its virtual addresses.
func (n *Network) RestorePower(t testing.TB, router *Namespace) {
	t.Helper()
	for _, cable := range n.cables {
		router.Link(t, cable).Up()
	}
	number := primaryNumber
	if router == n.Secondary {
		number = secondaryNumber
	}
	addIPv6(t, router, number)
	router.Run(t, "conntrack --flush")
}
