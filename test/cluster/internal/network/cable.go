package network

import (
	"fmt"
	"hash/fnv"
	"net"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/cluster/internal/layout"
)

// connect creates a cable: a veth pair with one end in the host and the other in the switch.
func connect(host layout.Host, cable layout.Cable) error {
	if err := withLinks(layout.SwitchNamespace, func(links *netlink.Handle) error {
		return layCable(links, host, cable)
	}); err != nil {
		return err
	}
	if len(cable.Addresses) == 0 {
		// The host itself must be silent on this segment. Its pods have their own interfaces and addresses.
		silence := setting{path: "ipv6/conf/" + cable.Interface + "/disable_ipv6", value: "1"}
		if err := apply(host.Namespace(), silence); err != nil {
			return err
		}
	}
	return withLinks(host.Namespace(), func(links *netlink.Handle) error {
		if err := addAddresses(links, cable); err != nil {
			return fmt.Errorf("%s: %w", host.Name, err)
		}
		return bringUp(links, cable.Interface)
	})
}

func layCable(links *netlink.Handle, host layout.Host, cable layout.Cable) error {
	port := host.Port(cable)
	if _, err := links.LinkByName(port); err == nil {
		return nil
	}
	ns, err := netns.GetFromName(host.Namespace())
	if err != nil {
		return fmt.Errorf("opening network namespace %s: %w", host.Namespace(), err)
	}
	defer func() { _ = ns.Close() }()
	segment, err := links.LinkByName(cable.Segment)
	if err != nil {
		return fmt.Errorf("finding segment %s: %w", cable.Segment, err)
	}
	attributes := netlink.NewLinkAttrs()
	attributes.Name = port
	attributes.MasterIndex = segment.Attrs().Index
	pair := &netlink.Veth{
		LinkAttrs:        attributes,
		PeerName:         cable.Interface,
		PeerNamespace:    netlink.NsFd(int(ns)),
		PeerHardwareAddr: hardwareAddress(port),
	}
	if err := links.LinkAdd(pair); err != nil {
		return fmt.Errorf("laying the cable of %s of %s to segment %s: %w", cable.Interface, host.Name, cable.Segment, err)
	}
	return bringUp(links, port)
}

func addAddresses(links *netlink.Handle, cable layout.Cable) error {
	if len(cable.Addresses) == 0 {
		return nil
	}
	link, err := links.LinkByName(cable.Interface)
	if err != nil {
		return fmt.Errorf("finding interface %s: %w", cable.Interface, err)
	}
	for _, address := range cable.Addresses {
		entry := &netlink.Addr{IPNet: ipNet(address), Flags: unix.IFA_F_NODAD}
		if err := links.AddrReplace(link, entry); err != nil {
			return fmt.Errorf("adding %s to %s: %w", address, cable.Interface, err)
		}
	}
	return nil
}

// hardwareAddress returns the same address for an interface after each start, like a network card. After a power cut
// the neighbours' caches are still right.
func hardwareAddress(port string) net.HardwareAddr {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(port)) // never fails
	return hash.Sum([]byte{0x02, 0x68})
}

// Plug plugs a cable into the switch again. The kernel takes up to a second to detect the carrier.
func Plug(host layout.Host, cable layout.Cable) error {
	return setPort(host, cable, (*netlink.Handle).LinkSetUp)
}

// Unplug pulls a cable out of the switch. The host loses its carrier.
func Unplug(host layout.Host, cable layout.Cable) error {
	return setPort(host, cable, (*netlink.Handle).LinkSetDown)
}

// Plugged reports whether a cable exists and is plugged into the switch.
func Plugged(host layout.Host, cable layout.Cable) bool {
	plugged := false
	err := withLinks(layout.SwitchNamespace, func(links *netlink.Handle) error {
		link, err := links.LinkByName(host.Port(cable))
		plugged = err == nil && link.Attrs().Flags&net.FlagUp != 0
		return nil
	})
	return err == nil && plugged
}

func setPort(host layout.Host, cable layout.Cable, set func(*netlink.Handle, netlink.Link) error) error {
	return withLinks(layout.SwitchNamespace, func(links *netlink.Handle) error {
		port, err := links.LinkByName(host.Port(cable))
		if err != nil {
			return fmt.Errorf("finding the switch's port of %s of %s (is it powered on?): %w", cable.Interface, host.Name, err)
		}
		if err := set(links, port); err != nil {
			return fmt.Errorf("setting the switch's port of %s of %s: %w", cable.Interface, host.Name, err)
		}
		return nil
	})
}
