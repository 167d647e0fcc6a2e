package adversary

import "net/netip"

// Target is what a host knows of a pair and its cluster.
type Target struct {
	// Virtual is the virtual address of the segment.
	Virtual netip.Addr
	// Units are the MAC addresses of both units on the segment.
	Units []MAC
	// Pods are the addresses of both units in the pod network, and Gateways those of the nodes in it.
	Pods, Gateways []netip.Addr
	// Cluster are addresses that the units need in the cluster, such as those of the API server.
	Cluster []netip.Addr
	// Networks are IPv6 networks that a router could claim to have, and Spoofed sources of pod and Service networks.
	Networks []netip.Prefix
	Spoofed  []netip.Addr
	// Ports are those of the control plane.
	Ports []uint16
}

// addresses returns those at which a unit could answer.
func (t Target) addresses() []netip.Addr { return append([]netip.Addr{t.Virtual}, t.Pods...) }

// control returns all addresses of the control plane.
func (t Target) control() []netip.Addr {
	all := append([]netip.Addr{}, t.Pods...)
	return append(append(all, t.Gateways...), t.Cluster...)
}
