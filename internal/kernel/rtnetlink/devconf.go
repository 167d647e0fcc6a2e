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

	devconfForwarding        = 1
	devconfProxyARP          = 3
	devconfAcceptRedirects   = 4
	devconfReversePathFilter = 8
	devconfAcceptSourceRoute = 9
	devconfARPFilter         = 13
	devconfARPAnnounce       = 18
	devconfARPIgnore         = 19
	devconfAcceptLocal       = 23
	devconfSourceMark        = 24
	devconfProxyARPPrivate   = 25
	devconfRouteLocalnet     = 26
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
	// ReversePathFilter is rp_filter: 1 is strict, 2 is loose. The kernel uses the maximum of this and the setting of all
	// interfaces.
	ReversePathFilter uint32
	// SourceMark 1 lets the reverse path filter use the mark of the packet (src_valid_mark).
	SourceMark uint32
	// AcceptRedirects, AcceptSourceRoute, ProxyARP, RouteLocalnet and AcceptLocal are what their names in /proc/sys are.
	AcceptRedirects, AcceptSourceRoute, ProxyARP, RouteLocalnet, AcceptLocal uint32
	// ARPFilter answers for an address only if the asking host is routed by the interface. ProxyARPPrivate answers for
	// hosts of the interface's own network (proxy_arp_pvlan).
	ARPFilter, ProxyARPPrivate uint32
}

// fields returns the fields that are numbers, by the numbers of the settings.
func (d *Devconf) fields() map[uint16]*uint32 {
	return map[uint16]*uint32{
		devconfARPIgnore: &d.ARPIgnore, devconfARPAnnounce: &d.ARPAnnounce,
		devconfReversePathFilter: &d.ReversePathFilter, devconfSourceMark: &d.SourceMark,
		devconfAcceptRedirects: &d.AcceptRedirects, devconfAcceptSourceRoute: &d.AcceptSourceRoute,
		devconfProxyARP: &d.ProxyARP, devconfRouteLocalnet: &d.RouteLocalnet, devconfAcceptLocal: &d.AcceptLocal,
		devconfARPFilter: &d.ARPFilter, devconfProxyARPPrivate: &d.ProxyARPPrivate,
	}
}

// decodeDevconf reads the settings from the value of IFLA_AF_SPEC.
func decodeDevconf(families []byte) (d Devconf, err error) {
	values, err := attributeAt(families, unix.AF_INET, iflaInetConf)
	if err != nil {
		return Devconf{}, err
	}
	value := func(number uint16) uint32 {
		if len(values) < 4*int(number) {
			return 0
		}
		return binary.NativeEndian.Uint32(values[4*(number-1):])
	}
	d.Forwarding = value(devconfForwarding) != 0
	for number, field := range d.fields() {
		*field = value(number)
	}
	return d, nil
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
	for number, field := range d.fields() {
		settings.AddRtAttr(int(number), nl.Uint32Attr(*field))
	}
	link := nl.NewIfInfomsg(unix.AF_UNSPEC)
	link.Index = int32(index)
	_, err := c.request(unix.RTM_SETLINK, unix.NLM_F_ACK, link, families).Execute(unix.NETLINK_ROUTE, 0)
	if err != nil {
		return fmt.Errorf("setting IPv4 settings %+v of interface %d: %w", d, index, err)
	}
	return nil
}

// Numbers of an RTM_GETNETCONF message (include/uapi/linux/netconf.h).
const (
	netconfInterface         = 1
	netconfForwarding        = 2
	netconfReversePathFilter = 3
	netconfAll               = 0xffffffff // as an index: the settings of all interfaces
)

// ReversePathFilter returns net.ipv4.conf.all.rp_filter, which a pod may inherit from its node.
func (c *Conn) ReversePathFilter() (uint32, error) {
	value, err := c.netconf(unix.AF_INET, netconfReversePathFilter)
	if err != nil {
		return 0, fmt.Errorf("reading the reverse path filter of all interfaces: %w", err)
	}
	return value, nil
}

// ForwardsIPv6 returns net.ipv6.conf.all.forwarding. Without it the kernel forwards no IPv6 packet, whatever the
// settings of the interfaces are. No netlink message sets it.
func (c *Conn) ForwardsIPv6() (bool, error) {
	value, err := c.netconf(unix.AF_INET6, netconfForwarding)
	if err != nil {
		return false, fmt.Errorf("reading whether the kernel forwards IPv6: %w", err)
	}
	return value != 0, nil
}

// netconf returns one setting of all interfaces. A setting that the kernel does not send is zero.
func (c *Conn) netconf(family uint8, setting uint16) (uint32, error) {
	replies, err := c.request(unix.RTM_GETNETCONF, unix.NLM_F_ACK,
		raw{family, 0, 0, 0}, nl.NewRtAttr(netconfInterface, nl.Uint32Attr(netconfAll)),
	).Execute(unix.NETLINK_ROUTE, unix.RTM_NEWNETCONF)
	if err != nil {
		return 0, err
	}
	if len(replies) != 1 || len(replies[0]) < 4 {
		return 0, fmt.Errorf("%d replies instead of one", len(replies))
	}
	attributes, err := nl.ParseRouteAttr(replies[0][4:])
	return number(valueOf(attributes, setting)), err
}
