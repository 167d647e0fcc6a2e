package layout

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Names of the hosts. The first three are nodes of Kubernetes; client and server stand outside it.
const (
	ControlPlane = "control-plane"
	Worker1      = "worker-1"
	Worker2      = "worker-2"
	Client       = "client"
	Server       = "server"
)

// Segments, each one bridge in the switch.
const (
	SegmentNodes = "nodes" // the nodes among themselves
	SegmentLAN   = "lan"   // the protected side of a firewall
	SegmentWAN   = "wan"   // its outside
)

// SwitchNamespace is the network namespace that holds the bridges.
const SwitchNamespace = "hapair-switch"

// Networks of Kubernetes itself.
const (
	ServiceNetwork   = "10.96.0.0/16"
	APIServerService = "10.96.0.1"  // the address that kube-apiserver takes for the Service `kubernetes`
	DNSService       = "10.96.0.10" // nothing listens there: a refusal is quicker than a time-out
	PodNetwork       = "10.244.0.0/16"
	APIServerPort    = 6443
)

// Cable joins an interface of a host to a segment.
type Cable struct {
	Interface string
	Segment   string
	Addresses []netip.Prefix // none: the interface only carries the pods' own
}

// Host is anything with cables: a network namespace of its own, reached from outside by its name.
type Host struct {
	Name      string
	Node      bool
	Cables    []Cable
	Gateways  []netip.Addr // default routes
	PodSubnet netip.Prefix // addresses of its pods; the zero Prefix if it runs none
}

// Namespace is the name of the host's network namespace, as `ip netns` shows it.
func (h Host) Namespace() string { return "hapair-" + h.Name }

// Worker reports whether the host runs pods.
func (h Host) Worker() bool { return h.PodSubnet.IsValid() }

// Address is the host's first IPv4 address: for a node, the one on the node network.
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

// Cable finds the host's cable by its interface.
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

// Port is the switch's end of a cable. On the node network it is named as the node is; elsewhere the segment follows,
// which still fits into the 15 bytes that the kernel allows an interface's name.
func (h Host) Port(cable Cable) string {
	if cable.Segment == SegmentNodes {
		return h.Name
	}
	return h.Name + "-" + cable.Segment
}

// Segments lists the bridges of the switch.
func Segments() []string { return []string{SegmentNodes, SegmentLAN, SegmentWAN} }

// Hosts lists every host, nodes first, in the order in which they are started.
func Hosts() []Host {
	return []Host{
		{
			Name: ControlPlane, Node: true,
			Cables: []Cable{{Interface: "eth0", Segment: SegmentNodes, Addresses: prefixes("10.90.0.10/24", "fd90::10/64")}},
		},
		worker(Worker1, 1),
		worker(Worker2, 2),
		{
			Name:     Client,
			Cables:   []Cable{{Interface: "eth0", Segment: SegmentLAN, Addresses: prefixes("192.168.50.10/24", "fd50::10/64")}},
			Gateways: []netip.Addr{netip.MustParseAddr("192.168.50.1"), netip.MustParseAddr("fd50::1")},
		},
		{
			// No gateway: the server answers what comes from its own segment, as a firewall's source NAT makes it look.
			Name: Server,
			Cables: []Cable{
				{Interface: "eth0", Segment: SegmentWAN, Addresses: prefixes("203.0.113.9/24", "2001:db8:113::9/64")},
			},
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
		// As every node has one. It leads nowhere, yet without a route the kernel refuses the address of a Service before
		// kube-proxy's rules can translate it.
		Gateways:  []netip.Addr{netip.MustParseAddr("10.90.0.10")},
		PodSubnet: netip.MustParsePrefix(fmt.Sprintf("10.244.%d.0/24", number)),
	}
}

// Nodes lists the hosts that are nodes, the control plane first.
func Nodes() []Host { return slices.DeleteFunc(Hosts(), func(h Host) bool { return !h.Node }) }

// Workers lists the nodes that run pods.
func Workers() []Host { return slices.DeleteFunc(Hosts(), func(h Host) bool { return !h.Worker() }) }

// FindHost finds a host by its name.
func FindHost(name string) (Host, error) { return find("host", name, Hosts()) }

// FindNode finds a node by its name.
func FindNode(name string) (Host, error) { return find("node", name, Nodes()) }

// Names lists the names of hosts.
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
