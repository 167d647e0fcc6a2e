package rtnetlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// sizeofIfAddr is the size of struct ifaddrmsg: family, prefix length, flags, scope, index (4).
const sizeofIfAddr = 8

// Addresses are those of one interface, of both families, each with its prefix length.
func (c *Conn) Addresses(index int) ([]netip.Prefix, error) {
	found, err := c.listAddresses(index)
	if err != nil {
		return nil, fmt.Errorf("listing addresses of interface %d: %w", index, err)
	}
	return found, nil
}

// AllAddresses are those of all interfaces, of both families.
func (c *Conn) AllAddresses() ([]netip.Prefix, error) {
	found, err := c.listAddresses(0)
	if err != nil {
		return nil, fmt.Errorf("listing addresses: %w", err)
	}
	return found, nil
}

// listAddresses takes zero for all interfaces.
func (c *Conn) listAddresses(index int) ([]netip.Prefix, error) {
	header := make([]byte, sizeofIfAddr)
	binary.NativeEndian.PutUint32(header[4:8], uint32(index))
	replies, err := c.execute(request{kind: unix.RTM_GETADDR, flags: netlink.Dump, header: header})
	if err != nil {
		return nil, err
	}
	var found []netip.Prefix
	for _, m := range replies {
		address, on, err := decodeAddress(m)
		if err != nil {
			return nil, err
		}
		if index == 0 || on == index {
			found = append(found, address)
		}
	}
	return found, nil
}

// SetAddresses makes the wanted ones the only ones, among the managed, that the interface has. Others are left alone.
//
// The addresses that go are removed first, and what is there is looked at again before the wanted ones are added: the
// kernel takes the further addresses of an IPv4 network away together with its first.
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

// addAddress adds an address with the route to its network, so that the neighbours on it are on-link. For IPv6 it is
// usable at once: detecting duplicates would take a second, and could find the former holder that is on its way out.
func (c *Conn) addAddress(index int, a netip.Prefix) error {
	_, err := c.execute(request{
		kind:   unix.RTM_NEWADDR,
		flags:  netlink.Acknowledge | netlink.Create | netlink.Replace,
		header: addressHeader(index, a),
		encode: func(ae *netlink.AttributeEncoder) {
			encodeAddress(ae, a)
			if a.Addr().Is4() {
				ae.Bytes(unix.IFA_BROADCAST, broadcast(a))
			} else {
				ae.Uint32(unix.IFA_FLAGS, unix.IFA_F_NODAD)
			}
		},
	})
	if err != nil {
		return fmt.Errorf("adding address %s to interface %d: %w", a, index, err)
	}
	return nil
}

// removeAddress removes an address; one that is absent is removed.
func (c *Conn) removeAddress(index int, a netip.Prefix) error {
	_, err := c.execute(request{
		kind:   unix.RTM_DELADDR,
		flags:  netlink.Acknowledge,
		header: addressHeader(index, a),
		encode: func(ae *netlink.AttributeEncoder) { encodeAddress(ae, a) },
	})
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
		return fmt.Errorf("removing address %s from interface %d: %w", a, index, err)
	}
	return nil
}

func addressHeader(index int, a netip.Prefix) []byte {
	header := make([]byte, sizeofIfAddr)
	header[0] = unix.AF_INET6
	if a.Addr().Is4() {
		header[0] = unix.AF_INET
	}
	header[1] = uint8(a.Bits())
	binary.NativeEndian.PutUint32(header[4:8], uint32(index))
	return header
}

// encodeAddress gives the address as the local one and as that of the link, which are the same where there is no peer.
func encodeAddress(ae *netlink.AttributeEncoder, a netip.Prefix) {
	ae.Bytes(unix.IFA_LOCAL, a.Addr().AsSlice())
	ae.Bytes(unix.IFA_ADDRESS, a.Addr().AsSlice())
}

func decodeAddress(m netlink.Message) (address netip.Prefix, index int, err error) {
	ad, err := attributes(m, sizeofIfAddr)
	if err != nil {
		return netip.Prefix{}, 0, err
	}
	var local, link netip.Addr
	for ad.Next() {
		switch ad.Type() {
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(ad.Bytes())
		case unix.IFA_ADDRESS:
			link, _ = netip.AddrFromSlice(ad.Bytes())
		}
	}
	if !local.IsValid() {
		local = link // IPv6 has no local address apart.
	}
	return netip.PrefixFrom(local, int(m.Data[1])), int(binary.NativeEndian.Uint32(m.Data[4:8])), ad.Err()
}

// broadcast is the last address of the network.
func broadcast(a netip.Prefix) []byte {
	b := a.Addr().As4()
	host := uint32(1)<<(32-a.Bits()) - 1
	return binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32(b[:])|host)
}
