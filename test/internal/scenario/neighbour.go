package scenario

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// neighbourOf returns the hardware address that a host's neighbour table has for an address.
func neighbourOf(netnsPath string, address netip.Addr) (net.HardwareAddr, error) {
	ns, err := netns.GetFromPath(netnsPath)
	if err != nil {
		return nil, err
	}
	defer func() { _ = ns.Close() }()
	handle, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	defer handle.Close()
	neighbours, err := handle.NeighList(0, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("reading the neighbour table: %w", err)
	}
	for _, n := range neighbours {
		if found, ok := netip.AddrFromSlice(n.IP); ok && found.Unmap() == address && len(n.HardwareAddr) > 0 {
			return n.HardwareAddr, nil
		}
	}
	return nil, fmt.Errorf("the host has no neighbour %s, although traffic passes through it", address)
}
