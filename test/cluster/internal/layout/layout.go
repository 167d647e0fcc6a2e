package layout

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// These are the names of the hosts. The first three are Kubernetes nodes. The others are outside the cluster: two
// routers on the segments of the firewall, and a host behind each.
const (
	ControlPlane = "control-plane"
	Worker1      = "worker-1"
	Worker2      = "worker-2"
	Router       = "router" // an inner router of the site
	ISP          = "isp"    // the router of the provider
	Client       = "client"
	Server       = "server"
)

// These are the segments. Each is one bridge in the switch.
const (
	SegmentNodes    = "nodes"    // the nodes among themselves
	SegmentLAN      = "lan"      // the protected side of a firewall
	SegmentWAN      = "wan"      // its outside
	SegmentOffice   = "office"   // a network of the site behind the inner router
	SegmentInternet = "internet" // a network behind the router of the provider
)

// SwitchNamespace is the network namespace of the bridges.
const SwitchNamespace = "hapair-switch"

// These are the networks of Kubernetes itself.
const (
	ServiceNetwork   = "10.96.0.0/16"
	APIServerService = "10.96.0.1"  // the address that kube-apiserver assigns to the Service `kubernetes`
	DNSService       = "10.96.0.10" // nothing listens there: a refusal is quicker than a time-out
	PodNetwork       = "10.244.0.0/16"
	APIServerPort    = 6443
)

// Cable connects an interface of a host to a segment.
type Cable struct {
	Interface string
	Segment   string
	Addresses []netip.Prefix // if empty, only the pods have addresses on this segment
}

// Host is anything with cables. It has its own network namespace.
type Host struct {
	Name      string
	Node      bool
	Cables    []Cable
	Gateways  []netip.Addr // default routes
	Router    bool         // forwards between its cables
	PodSubnet netip.Prefix // addresses of its pods; the zero Prefix if it runs none
}

// Namespace returns the name of the host's network namespace, as in the list of `ip netns`.
func (h Host) Namespace() string { return "hapair-" + h.Name }

// Worker reports whether the host runs pods.
func (h Host) Worker() bool { return h.PodSubnet.IsValid() }

// Address returns the host's first IPv4 address. For a node it is the one on the node network.
func (h Host) Address() netip.Addr {
	for _, cable := range h.Cables {
		for _, address := range cable.Addresses {
			if address.Addr().Is4() {
				return address.Addr()
			}
		}
	}
	return netip.Addr{}
}

// Cable returns the host's cable of an interface.
func (h Host) Cable(name string) (Cable, error) {
	var interfaces []string
	for _, cable := range h.Cables {
		if cable.Interface == name {
			return cable, nil
		}
		interfaces = append(interfaces, cable.Interface)
	}
	return Cable{}, fmt.Errorf("%s has no interface %q: it has %s", h.Name, name, strings.Join(interfaces, ", "))
}

// Port returns the name of the switch's end of a cable. On the node network it is the name of the node. Elsewhere the
// segment follows, which still fits into the 15 bytes of an interface name.
func (h Host) Port(cable Cable) string {
	if cable.Segment == SegmentNodes {
		return h.Name
	}
	return h.Name + "-" + cable.Segment
}

// Segments returns the bridges of the switch.
func Segments() []string {
	return []string{SegmentNodes, SegmentLAN, SegmentWAN, SegmentOffice, SegmentInternet}
}

// Hosts returns every host, nodes first, in the order in which they start.
func Hosts() []Host {
	return []Host{
		{
			Name: ControlPlane, Node: true,
			Cables: []Cable{{Interface: "eth0", Segment: SegmentNodes, Addresses: prefixes("10.90.0.10/24", "fd90::10/64")}},
		},
		worker(Worker1, 1),
		worker(Worker2, 2),
		{
			Name: Router, Router: true,
			Cables: []Cable{
				{Interface: "eth0", Segment: SegmentLAN, Addresses: prefixes("192.168.50.10/24", "fd50::10/64")},
				{Interface: "eth1", Segment: SegmentOffice, Addresses: prefixes("192.168.60.1/24", "fd60::1/64")},
			},
			Gateways: addresses("192.168.50.1", "fd50::1"),
		},
		{
			// It has no route to the site: source NAT makes all requests come from its own segment.
			Name: ISP, Router: true,
			Cables: []Cable{
				{Interface: "eth0", Segment: SegmentWAN, Addresses: prefixes("203.0.113.9/24", "2001:db8:113::9/64")},
				{Interface: "eth1", Segment: SegmentInternet, Addresses: prefixes("192.0.2.1/24", "2001:db8:2::1/64")},
			},
		},
		{
			Name: Client,
			Cables: []Cable{
				{Interface: "eth0", Segment: SegmentOffice, Addresses: prefixes("192.168.60.10/24", "fd60::10/64")},
			},
			Gateways: addresses("192.168.60.1", "fd60::1"),
		},
		{
			Name: Server,
			Cables: []Cable{
				{Interface: "eth0", Segment: SegmentInternet, Addresses: prefixes("192.0.2.9/24", "2001:db8:2::9/64")},
			},
			Gateways: addresses("192.0.2.1", "2001:db8:2::1"),
		},
	}
}

func worker(name string, number int) Host {
	return Host{
		Name: name, Node: true,
		Cables: []Cable{
			{Interface: "eth0", Segment: SegmentNodes, Addresses: prefixes(
				fmt.Sprintf("10.90.0.%d/24", 10+number), fmt.Sprintf("fd90::%d/64", 10+number))},
			{Interface: "lan0", Segment: SegmentLAN},
			{Interface: "wan0", Segment: SegmentWAN},
		},
		// The gateway leads nowhere, but without a route the kernel refuses the address of a Service before the rules of
		// kube-proxy can translate it.
		Gateways:  addresses("10.90.0.10"),
		PodSubnet: netip.MustParsePrefix(fmt.Sprintf("10.244.%d.0/24", number)),
	}
}

// Nodes returns the hosts that are nodes, the control plane first.
func Nodes() []Host { return slices.DeleteFunc(Hosts(), func(h Host) bool { return !h.Node }) }

// Workers returns the nodes that run pods.
func Workers() []Host { return slices.DeleteFunc(Hosts(), func(h Host) bool { return !h.Worker() }) }

// FindHost returns the host of a name.
func FindHost(name string) (Host, error) { return find("host", name, Hosts()) }

// FindNode returns the node of a name.
func FindNode(name string) (Host, error) { return find("node", name, Nodes()) }

// Names returns the names of hosts.
func Names(hosts []Host) []string {
	names := make([]string, 0, len(hosts))
	for _, host := range hosts {
		names = append(names, host.Name)
	}
	return names
}

func find(kind, name string, hosts []Host) (Host, error) {
	for _, host := range hosts {
		if host.Name == name {
			return host, nil
		}
	}
	return Host{}, fmt.Errorf("no %s %q: the %ss are %s", kind, name, kind, strings.Join(Names(hosts), ", "))
}

func prefixes(texts ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		parsed = append(parsed, netip.MustParsePrefix(text))
	}
	return parsed
}

func addresses(texts ...string) []netip.Addr {
	parsed := make([]netip.Addr, 0, len(texts))
	for _, text := range texts {
		parsed = append(parsed, netip.MustParseAddr(text))
	}
	return parsed
}
