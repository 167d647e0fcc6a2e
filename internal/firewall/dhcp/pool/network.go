package pool

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/hapair-io/hapair/internal/firewall/dhcp/message"
	"github.com/hapair-io/hapair/internal/firewall/document"
)

// network is a network of the document.
type network struct {
	document.DHCPNetwork
	index int
	// reserved are the hosts of reserved addresses, and reservations the other way round.
	reserved     map[netip.Addr]message.MAC
	reservations map[message.MAC]document.DHCPReservation
	// capacity is how many addresses any host can get, and size includes those that are reserved.
	capacity, size uint32
	// taken are those of them that have a lease, which may have ended.
	taken uint32
	// required and options are what hosts learn.
	required, options []message.Option
}

func newNetwork(index int, d document.DHCPNetwork) *network {
	n := &network{
		DHCPNetwork: d, index: index, reserved: map[netip.Addr]message.MAC{},
		reservations: map[message.MAC]document.DHCPReservation{},
	}
	for _, r := range d.Ranges {
		n.size += uint32(r.SizeIPv4()) // The document bounds it.
	}
	n.capacity = n.size
	for _, r := range d.Reservations {
		mac, err := net.ParseMAC(string(r.MAC))
		if err != nil || len(mac) != len(message.MAC{}) {
			continue // The document was validated.
		}
		n.reserved[r.Address], n.reservations[message.MAC(mac)] = message.MAC(mac), r
		if n.inRanges(r.Address) {
			n.capacity--
		}
	}
	n.required = []message.Option{{
		Code: dhcpv4.OptionSubnetMask.Code(), Value: net.CIDRMask(d.Subnet.Bits(), d.Subnet.Addr().BitLen()),
	}}
	n.options = optionsOf(d)
	return n
}

func number(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// at returns an address of the ranges by its position.
func (n *network) at(i uint32) netip.Addr {
	for _, r := range n.Ranges {
		if length := uint32(r.SizeIPv4()); i >= length {
			i -= length
			continue
		}
		return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, number(r.First)+i)))
	}
	return netip.Addr{}
}

// inRanges reports whether an address is in one of the ranges.
func (n *network) inRanges(a netip.Addr) bool {
	return slices.ContainsFunc(n.Ranges, func(r document.Block) bool { return r.Contains(a) })
}

// isPooled reports whether any host can get an address.
func (n *network) isPooled(a netip.Addr) bool {
	_, isReserved := n.reserved[a]
	return !isReserved && n.inRanges(a)
}

// optionsOf returns what the hosts of a network learn if they ask for it.
func optionsOf(n document.DHCPNetwork) (options []message.Option) {
	add := func(code dhcpv4.OptionCode, value []byte) {
		if len(value) > 0 {
			options = append(options, message.Option{Code: code.Code(), Value: value})
		}
	}
	o := n.Options
	routers := o.Routers
	if len(routers) == 0 && !n.IsRelayed() {
		routers = []netip.Addr{n.Address}
	}
	// A host that reads classless routes ignores the routers, so it finds them first (RFC 3442).
	add(dhcpv4.OptionClasslessStaticRoute, routesOf(o.ClasslessRoutes, routers))
	add(dhcpv4.OptionRouter, addressesOf(routers))
	add(dhcpv4.OptionDomainNameServer, addressesOf(o.DNSServers))
	add(dhcpv4.OptionDomainName, []byte(o.Domain))
	add(dhcpv4.OptionBroadcastAddress, broadcastOf(n.Subnet))
	if o.MTU > 0 {
		add(dhcpv4.OptionInterfaceMTU, binary.BigEndian.AppendUint16(nil, o.MTU))
	}
	add(dhcpv4.OptionNTPServers, addressesOf(o.NTPServers))
	add(dhcpv4.OptionURL, []byte(o.CaptivePortal)) // Its code is now that of RFC 8910.
	return options
}

func addressesOf(list []netip.Addr) (value []byte) {
	for _, a := range list {
		value = append(value, a.AsSlice()...)
	}
	return value
}

func broadcastOf(p netip.Prefix) []byte {
	first := number(p.Masked().Addr())
	return binary.BigEndian.AppendUint32(nil, first|uint32(1<<(p.Addr().BitLen()-p.Bits())-1))
}

// routesOf returns classless routes with the default route, which hosts would otherwise lack.
func routesOf(routes []document.DHCPRoute, routers []netip.Addr) (value []byte) {
	if len(routes) == 0 {
		return nil
	}
	everything := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	if !slices.ContainsFunc(routes, func(r document.DHCPRoute) bool { return r.To == everything }) && len(routers) > 0 {
		routes = append(slices.Clone(routes), document.DHCPRoute{To: everything, Via: routers[0]})
	}
	all := make(dhcpv4.Routes, 0, len(routes))
	for _, r := range routes {
		all = append(all, &dhcpv4.Route{
			Dest:   &net.IPNet{IP: r.To.Addr().AsSlice(), Mask: net.CIDRMask(r.To.Bits(), r.To.Addr().BitLen())},
			Router: r.Via.AsSlice(),
		})
	}
	return all.ToBytes()
}
