package rtnetlink

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// ParseMAC parses an Ethernet address in colon notation, such as 02:00:5e:10:00:01. It refuses the zero address and
// group addresses, which no interface can have.
func ParseMAC(text string) (MAC, error) {
	parsed, err := net.ParseMAC(text)
	switch {
	case err != nil:
		return MAC{}, fmt.Errorf("%q is not a MAC address such as 02:00:5e:10:00:01: %w", text, err)
	case len(parsed) != len(MAC{}):
		return MAC{}, fmt.Errorf("MAC address %s has %d bytes instead of six", text, len(parsed))
	case MAC(parsed) == MAC{} || parsed[0]&1 != 0:
		return MAC{}, fmt.Errorf("MAC address %s is zero or a group address; use a unicast address", text)
	}
	return MAC(parsed), nil
}

func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

// MarshalText encodes the address in the form that ParseMAC parses.
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText parses the address as ParseMAC does.
func (m *MAC) UnmarshalText(text []byte) (err error) {
	*m, err = ParseMAC(string(text))
	return err
}

// SetMAC sets the address of an interface, also while the interface is up. The kernel then drops the neighbour entries
// of the interface, static ones included. It keeps IP addresses and routes.
//
// For a macvlan that is up the kernel also waits for an RCU grace period: about 8 ms on an idle machine and up to 40 ms
// on a busy one. With rcupdate.rcu_expedited=1 it is a tenth of a millisecond, as for other kinds of interfaces.
func (c *Conn) SetMAC(index int, mac MAC) error {
	if err := c.handle.LinkSetHardwareAddr(linkOf(index), mac[:]); err != nil {
		return fmt.Errorf("setting MAC address %s of interface %d: %w", mac, index, explainMAC(err))
	}
	return nil
}

// explainMAC adds the remedy to the kernel's error.
func explainMAC(err error) error {
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("%w; another macvlan on the same parent has it: schedule the two units on different nodes", err)
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EBUSY):
		return fmt.Errorf("%w; this kind of interface cannot change its address: "+
			"use another attachment, or no virtual MAC", err)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w; the container needs the capability NET_ADMIN, and an SR-IOV function must be trusted", err)
	default:
		return err
	}
}
