package rtnetlink

import (
	"encoding/binary"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// The numbers of the settings, from include/uapi/linux/ip.h (IPV4_DEVCONF_*), and of the attribute that has them, from
// if_link.h. A dump has them as an array of 32-bit values that starts with number 1; a change has one attribute each.
const (
	iflaInetConf = 1

	devconfForwarding  = 1
	devconfARPAnnounce = 18
	devconfARPIgnore   = 19
)

// Devconf is what the kernel keeps for IPv4 on an interface: net.ipv4.conf.<interface>.*. Over netlink it needs no
// writable /proc/sys, which a container that is not privileged does not have.
type Devconf struct {
	// Forwarding lets packets that come in on the interface be routed on.
	Forwarding bool
	// ARPIgnore 1 answers for an address only on the interface that has it.
	ARPIgnore uint32
	// ARPAnnounce 2 asks with an address of the interface that asks.
	ARPAnnounce uint32
}

// decode reads the attributes of AF_INET inside IFLA_AF_SPEC.
func (d *Devconf) decode(ad *netlink.AttributeDecoder) error {
	for ad.Next() {
		if ad.Type() != iflaInetConf {
			continue
		}
		values := ad.Bytes()
		value := func(number int) uint32 {
			if len(values) < 4*number {
				return 0
			}
			return binary.NativeEndian.Uint32(values[4*(number-1):])
		}
		d.Forwarding = value(devconfForwarding) != 0
		d.ARPIgnore = value(devconfARPIgnore)
		d.ARPAnnounce = value(devconfARPAnnounce)
	}
	return nil
}

func (d Devconf) encode(ae *netlink.AttributeEncoder) error {
	forwarding := uint32(0)
	if d.Forwarding {
		forwarding = 1
	}
	ae.Uint32(devconfForwarding, forwarding)
	ae.Uint32(devconfARPIgnore, d.ARPIgnore)
	ae.Uint32(devconfARPAnnounce, d.ARPAnnounce)
	return nil
}

// SetDevconf sets all that Devconf has, of one interface, in one message.
func (c *Conn) SetDevconf(index int, d Devconf) error {
	_, err := c.execute(request{
		kind:   unix.RTM_SETLINK,
		flags:  netlink.Acknowledge,
		header: linkHeader(index),
		encode: func(ae *netlink.AttributeEncoder) {
			ae.Nested(unix.IFLA_AF_SPEC, func(families *netlink.AttributeEncoder) error {
				families.Nested(unix.AF_INET, func(inet *netlink.AttributeEncoder) error {
					inet.Nested(iflaInetConf, d.encode)
					return nil
				})
				return nil
			})
		},
	})
	if err != nil {
		return fmt.Errorf("setting IPv4 forwarding=%t of interface %d: %w", d.Forwarding, index, err)
	}
	return nil
}
