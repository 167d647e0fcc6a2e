package rtnetlink

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

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

// SetAddresses makes wanted the only addresses among managed that the interface has. It leaves all others alone.
//
// It removes addresses first and then lists again, because the kernel removes the secondary addresses of an IPv4
// network together with the primary one.
func (c *Conn) SetAddresses(index int, managed, wanted []netip.Prefix) error {
	present, err := c.Addresses(index)
	if err != nil {
		return err
	}
	var errs []error
	for _, a := range managed {
		if slices.Contains(present, a) && !slices.Contains(wanted, a) {
			errs = append(errs, c.removeAddress(index, a))
		}
	}
	if err := errors.Join(errs...); err != nil || len(wanted) == 0 {
		return err
	}
	if present, err = c.Addresses(index); err != nil {
		return err
	}
	for _, a := range wanted {
		if !slices.Contains(present, a) {
			errs = append(errs, c.addAddress(index, a))
		}
	}
	return errors.Join(errs...)
}

// addAddress adds an address with the route to its network, so that its neighbours are on-link. An IPv6 address is
// usable at once: duplicate detection would take a second, and could find the former active that is about to leave.
// An IPv4 address gets the broadcast address of its network, if the network has one (RFC 3021).
func (c *Conn) addAddress(index int, a netip.Prefix) error {
	address := &netlink.Addr{IPNet: ipNetOf(a)}
	if a.Addr().Is6() {
		address.Flags = unix.IFA_F_NODAD
	}
	if err := c.handle.AddrReplace(linkOf(index), address); err != nil {
		return fmt.Errorf("adding address %s to interface %d: %w", a, index, err)
	}
	return nil
}

// removeAddress removes an address. Removing an absent address succeeds.
func (c *Conn) removeAddress(index int, a netip.Prefix) error {
	err := c.handle.AddrDel(linkOf(index), &netlink.Addr{IPNet: ipNetOf(a)})
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
		return fmt.Errorf("removing address %s from interface %d: %w", a, index, err)
	}
	return nil
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
