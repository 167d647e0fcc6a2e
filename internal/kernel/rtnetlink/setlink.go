package rtnetlink

import "fmt"

// LeaveMaster takes an interface out of the bridge, bond, team or VRF that has it.
func (c *Conn) LeaveMaster(index int) error {
	if err := c.handle.LinkSetNoMaster(linkOf(index)); err != nil {
		return fmt.Errorf("taking interface %d out of its master: %w", index, err)
	}
	return nil
}

// SetMTU sets the MTU of an interface. The kernel removes IPv6 from an interface with less than 1280 bytes.
func (c *Conn) SetMTU(index, mtu int) error {
	if err := c.handle.LinkSetMTU(linkOf(index), mtu); err != nil {
		return fmt.Errorf("setting MTU %d of interface %d: %w", mtu, index, err)
	}
	return nil
}

// EnableResolution lets an interface find neighbours by ARP and NDP.
func (c *Conn) EnableResolution(index int) error {
	if err := c.handle.LinkSetARPOn(linkOf(index)); err != nil {
		return fmt.Errorf("switching ARP on for interface %d: %w", index, err)
	}
	return nil
}

// EnableMulticast lets an interface take part in multicast.
func (c *Conn) EnableMulticast(index int) error {
	if err := c.handle.LinkSetMulticastOn(linkOf(index)); err != nil {
		return fmt.Errorf("switching multicast on for interface %d: %w", index, err)
	}
	return nil
}
