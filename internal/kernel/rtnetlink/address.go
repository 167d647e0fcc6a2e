package rtnetlink

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Addresses returns the addresses of one interface, of both families, each with its prefix length.
func (c *Conn) Addresses(index int) ([]netip.Prefix, error) {
	found, err := c.listAddresses(linkOf(index))
	if err != nil {
		return nil, fmt.Errorf("listing addresses of interface %d: %w", index, err)
	}
	return found, nil
}

// AllAddresses returns the addresses of all interfaces, of both families.
func (c *Conn) AllAddresses() ([]netip.Prefix, error) {
	found, err := c.listAddresses(nil)
	if err != nil {
		return nil, fmt.Errorf("listing addresses: %w", err)
	}
	return found, nil
}

// listAddresses lists the addresses of one interface, or of all for a nil link.
func (c *Conn) listAddresses(link netlink.Link) ([]netip.Prefix, error) {
	found, err := dump(func() ([]netlink.Addr, error) { return c.handle.AddrList(link, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, err
	}
	addresses := make([]netip.Prefix, 0, len(found))
	for _, a := range found {
		if prefix, ok := prefixOf(a.IPNet); ok {
			addresses = append(addresses, prefix)
		}
	}
	return addresses, nil
}

// Address is an address of an interface as the kernel has it.
type Address struct {
	// Index is that of the interface.
	Index  int
	Prefix netip.Prefix
	// Permanent is not set for an address that expires, such as one made from a router advertisement. Lasting is set when
	// the address is permanent, and is not deprecated.
	Permanent, Lasting bool
	// Detecting is set while duplicate detection keeps the unit from using an IPv6 address. Duplicate is set once it has
	// failed: the unit will never use the address.
	Detecting, Duplicate bool
	// Tentative is set until the kernel has set up an IPv6 address, with or without duplicate detection.
	Tentative bool
	// Remote is set when the address has another address at the other end of the interface.
	Remote bool
	// Routed is set when the kernel made a route to the address's network together with the address.
	Routed bool

	// found identifies the address in a request to remove it.
	found netlink.Addr
}

// AddressTable returns the addresses of all interfaces, of both families, with their states.
func (c *Conn) AddressTable() ([]Address, error) {
	found, err := dump(func() ([]netlink.Addr, error) { return c.handle.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, fmt.Errorf("listing addresses: %w", err)
	}
	table := make([]Address, 0, len(found))
	for _, a := range found {
		prefix, ok := prefixOf(a.IPNet)
		if !ok {
			continue
		}
		const detecting = unix.IFA_F_TENTATIVE | unix.IFA_F_NODAD
		table = append(table, Address{
			Index: a.LinkIndex, Prefix: prefix, found: a, Remote: a.Peer != nil,
			Routed:    a.Flags&unix.IFA_F_NOPREFIXROUTE == 0,
			Permanent: a.Flags&unix.IFA_F_PERMANENT != 0,
			Lasting:   a.Flags&(unix.IFA_F_PERMANENT|unix.IFA_F_DEPRECATED) == unix.IFA_F_PERMANENT,
			Detecting: a.Flags&detecting == unix.IFA_F_TENTATIVE,
			Duplicate: a.Flags&unix.IFA_F_DADFAILED != 0,
			Tentative: a.Flags&unix.IFA_F_TENTATIVE != 0,
		})
	}
	return table, nil
}

// RemoveAddresses removes addresses that AddressTable has returned. Removing an absent address succeeds: the kernel
// removes the secondary addresses of an IPv4 network together with the primary one, and all with their interface.
func (c *Conn) RemoveAddresses(all []Address) error {
	var errs []error
	for _, a := range all {
		err := c.handle.AddrDel(linkOf(a.Index), &netlink.Addr{IPNet: a.found.IPNet, Peer: a.found.Peer})
		if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.ENODEV) {
			errs = append(errs, fmt.Errorf("removing address %s from interface %d: %w", a.Prefix, a.Index, err))
		}
	}
	return errors.Join(errs...)
}

// addAddress adds an address without a route to its network, which would be in the main routing table (package
// dataplane sets it in the data plane's table). An IPv6 address is usable at once: duplicate detection would take a
// second, and could find the former active that is about to leave.
// An IPv4 address gets the broadcast address of its network, if the network has one (RFC 3021). The kernel prefers a
// link-local address as a source only where its scope says so.
func (c *Conn) addAddress(index int, a netip.Prefix) error {
	address := &netlink.Addr{IPNet: ipNetOf(a), Flags: unix.IFA_F_NOPREFIXROUTE}
	switch {
	case a.Addr().Is6():
		address.Flags |= unix.IFA_F_NODAD
	case a.Addr().IsLinkLocalUnicast():
		address.Scope = unix.RT_SCOPE_LINK
	}
	return c.handle.AddrReplace(linkOf(index), address)
}

func ipNetOf(a netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: a.Addr().AsSlice(), Mask: net.CIDRMask(a.Bits(), a.Addr().BitLen())}
}

func prefixOf(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	address, ok := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(address.Unmap(), bits), ok
}
