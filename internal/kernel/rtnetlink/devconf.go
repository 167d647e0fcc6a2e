package rtnetlink

import (
	"encoding/binary"
	"fmt"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The attribute with the IPv4 settings of an interface (include/uapi/linux/if_link.h) and the numbers of the settings
// (IPV4_DEVCONF_* in ip.h). A reply has an array of 32-bit values that begins with number 1. A request has one
// attribute for each setting.
const (
	iflaInetConf = 1

	devconfForwarding  = 1
	devconfARPAnnounce = 18
	devconfARPIgnore   = 19
)

// Devconf is what the kernel keeps for IPv4 on an interface, as in net.ipv4.conf.<interface>.*. Setting it over netlink
// needs no writable /proc/sys, which an unprivileged container does not have.
type Devconf struct {
	// Forwarding lets the kernel route packets that arrive on the interface.
	Forwarding bool
	// ARPIgnore 1 answers for an address only on the interface that has it.
	ARPIgnore uint32
	// ARPAnnounce 2 uses an address of the sending interface in ARP requests.
	ARPAnnounce uint32
}

// decodeDevconf reads the settings from the value of IFLA_AF_SPEC.
func decodeDevconf(families []byte) (Devconf, error) {
	values, err := attributeAt(families, unix.AF_INET, iflaInetConf)
	if err != nil {
		return Devconf{}, err
	}
	value := func(number int) uint32 {
		if len(values) < 4*number {
			return 0
		}
		return binary.NativeEndian.Uint32(values[4*(number-1):])
	}
	return Devconf{
		Forwarding: value(devconfForwarding) != 0, ARPIgnore: value(devconfARPIgnore), ARPAnnounce: value(devconfARPAnnounce),
	}, nil
}

// The attribute with the IPv6 settings of an interface (include/uapi/linux/if_link.h), and the index of one of them
// (DEVCONF_* in ipv6.h). The settings are an array of 32-bit values that begins with index 0.
const (
	iflaInet6Conf      = 2
	devconfDisableIPv6 = 26
)

// decodeIPv6 reports whether an interface can have IPv6 addresses, from the value of IFLA_AF_SPEC. Without IPv6 the
// kernel sends no settings.
func decodeIPv6(families []byte) (bool, error) {
	values, err := attributeAt(families, unix.AF_INET6, iflaInet6Conf)
	if err != nil || len(values) < 4*(devconfDisableIPv6+1) {
		return false, err
	}
	return binary.NativeEndian.Uint32(values[4*devconfDisableIPv6:]) == 0, nil
}

// attributeAt returns the value of the nested attribute at a path of types, or nothing if it is absent.
func attributeAt(data []byte, path ...uint16) ([]byte, error) {
	for _, kind := range path {
		nested, err := nl.ParseRouteAttr(data)
		if err != nil {
			return nil, err
		}
		data = valueOf(nested, kind)
	}
	return data, nil
}

func valueOf(attributes []syscall.NetlinkRouteAttr, kind uint16) []byte {
	for _, a := range attributes {
		if a.Attr.Type&^unix.NLA_F_NESTED == kind {
			return a.Value
		}
	}
	return nil
}

// SetDevconf sets all fields of Devconf on one interface, in one message.
func (c *Conn) SetDevconf(index int, d Devconf) error {
	forwarding := uint32(0)
	if d.Forwarding {
		forwarding = 1
	}
	families := nl.NewRtAttr(unix.IFLA_AF_SPEC|unix.NLA_F_NESTED, nil)
	settings := families.AddRtAttr(unix.AF_INET|unix.NLA_F_NESTED, nil).AddRtAttr(iflaInetConf|unix.NLA_F_NESTED, nil)
	settings.AddRtAttr(devconfForwarding, nl.Uint32Attr(forwarding))
	settings.AddRtAttr(devconfARPIgnore, nl.Uint32Attr(d.ARPIgnore))
	settings.AddRtAttr(devconfARPAnnounce, nl.Uint32Attr(d.ARPAnnounce))
	link := nl.NewIfInfomsg(unix.AF_UNSPEC)
	link.Index = int32(index)
	_, err := c.request(unix.RTM_SETLINK, unix.NLM_F_ACK, link, families).Execute(unix.NETLINK_ROUTE, 0)
	if err != nil {
		return fmt.Errorf("setting IPv4 forwarding=%t of interface %d: %w", d.Forwarding, index, err)
	}
	return nil
}
