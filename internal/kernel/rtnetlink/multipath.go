package rtnetlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// MultipathRoute is a route with any number of next hops, as programs of routing protocols make them.
type MultipathRoute struct {
	Table uint32
	Type  RouteType
	// To is the destination. The default routes are 0.0.0.0/0 and ::/0.
	To netip.Prefix
	// Metric decides between routes to one destination: lower is better.
	Metric uint32
	// Protocol is the number of who made the route (/etc/iproute2/rt_protos).
	Protocol uint8
	// Hops are empty for types that drop packets.
	Hops []NextHop
	// Special is set on a listed route that has more than these fields can express: a type of service, a source prefix,
	// or an encapsulation.
	Special bool
}

// NextHop is one of the ways to the destination of a route.
type NextHop struct {
	// Via is the next router. It is zero for neighbours on the link. That of an IPv4 route may have an IPv6 address.
	Via netip.Addr
	// Interface is the index of the interface.
	Interface int
	// Weight is the share of the packets in relation to the other next hops, from 1 to 256.
	Weight int
}

// rtaVia is the size of the family in struct rtvia, which precedes the address.
const rtaVia = 2

// MultipathRoutes returns the routes of a table, of both families and every protocol. It leaves out routes that the
// kernel only caches.
func (c *Conn) MultipathRoutes(table uint32) ([]MultipathRoute, error) {
	var all []MultipathRoute
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		messages, err := c.dumpOf(unix.RTM_GETROUTE, unix.RTM_NEWROUTE, &nl.RtMsg{RtMsg: unix.RtMsg{Family: family}})
		if err != nil {
			return nil, fmt.Errorf("listing routes: %w", err)
		}
		for _, m := range messages {
			r, ok, err := decodeMultipathRoute(m)
			if err != nil {
				return nil, fmt.Errorf("listing routes: %w", err)
			}
			if ok && r.Table == table && familyOf(r.To.Addr()) == family { // a kernel without IPv6 lists IPv4 instead
				all = append(all, r)
			}
		}
	}
	return all, nil
}

// SetMultipathRoute adds a route, or replaces the one with its table, destination and metric. No other route must reach
// the next hops, as with Route.OnLink.
func (c *Conn) SetMultipathRoute(r MultipathRoute) error {
	flags := unix.NLM_F_CREATE | unix.NLM_F_REPLACE | unix.NLM_F_ACK
	_, err := c.request(unix.RTM_NEWROUTE, flags, multipathRequest(r)...).Execute(unix.NETLINK_ROUTE, 0)
	if err != nil && !isWithoutIPv6(r.To.Addr().Is6(), err) {
		return fmt.Errorf("adding route %s metric %d of table %d: %w", r.To, r.Metric, r.Table, err)
	}
	return nil
}

// RemoveMultipathRoute removes the route with the table, destination, metric and protocol of r, whatever its next hops.
// Removing an absent route succeeds.
func (c *Conn) RemoveMultipathRoute(r MultipathRoute) error {
	header := nl.NewRtDelMsg()
	header.Family, header.Dst_len, header.Protocol = familyOf(r.To.Addr()), uint8(r.To.Bits()), r.Protocol
	header.Table = unix.RT_TABLE_UNSPEC
	_, err := c.request(unix.RTM_DELROUTE, unix.NLM_F_ACK, append([]nl.NetlinkRequestData{header}, identity(r)...)...).
		Execute(unix.NETLINK_ROUTE, 0)
	if err != nil && !errors.Is(err, unix.ESRCH) && !isWithoutIPv6(r.To.Addr().Is6(), err) {
		return fmt.Errorf("removing route %s metric %d of table %d: %w", r.To, r.Metric, r.Table, err)
	}
	return nil
}

// identity returns the attributes that name a route.
func identity(r MultipathRoute) []nl.NetlinkRequestData {
	return []nl.NetlinkRequestData{
		nl.NewRtAttr(unix.RTA_TABLE, nl.Uint32Attr(r.Table)),
		nl.NewRtAttr(unix.RTA_DST, r.To.Addr().AsSlice()),
		nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(r.Metric)),
	}
}

// multipathRequest returns the message and attributes that add the route.
func multipathRequest(r MultipathRoute) []nl.NetlinkRequestData {
	header := nl.NewRtMsg()
	header.Family, header.Dst_len = familyOf(r.To.Addr()), uint8(r.To.Bits())
	header.Table, header.Type, header.Protocol = unix.RT_TABLE_UNSPEC, uint8(r.Type), r.Protocol
	if r.To.Addr().Is4() && len(r.Hops) > 0 && !hasRouter(r.Hops) {
		header.Scope = unix.RT_SCOPE_LINK
	}
	data := append([]nl.NetlinkRequestData{header}, identity(r)...)
	if len(r.Hops) == 0 {
		return data
	}
	var hops []byte
	for _, h := range r.Hops {
		hop := nl.RtNexthop{RtNexthop: unix.RtNexthop{Hops: uint8(h.Weight - 1), Ifindex: int32(h.Interface)}}
		if h.Via.IsValid() {
			hop.Flags = unix.RTNH_F_ONLINK
			hop.Children = []nl.NetlinkRequestData{gatewayOf(r.To.Addr(), h.Via)}
		}
		hops = append(hops, hop.Serialize()...)
	}
	return append(data, nl.NewRtAttr(unix.RTA_MULTIPATH, hops))
}

func hasRouter(hops []NextHop) bool {
	for _, h := range hops {
		if h.Via.IsValid() {
			return true
		}
	}
	return false
}

// gatewayOf returns the attribute of a next router. One of the other family than the destination is in struct rtvia.
func gatewayOf(to, via netip.Addr) *nl.RtAttr {
	if to.Is4() == via.Is4() {
		return nl.NewRtAttr(unix.RTA_GATEWAY, via.AsSlice())
	}
	family := binary.NativeEndian.AppendUint16(nil, uint16(familyOf(via)))
	return nl.NewRtAttr(unix.RTA_VIA, append(family, via.AsSlice()...))
}

// decodeMultipathRoute decodes a message of type RTM_NEWROUTE or RTM_DELROUTE. It returns false for what is not in a
// table: cached routes.
func decodeMultipathRoute(message []byte) (MultipathRoute, bool, error) {
	if len(message) < unix.SizeofRtMsg {
		return MultipathRoute{}, false, fmt.Errorf("a route of %d bytes", len(message))
	}
	header := nl.DeserializeRtMsg(message)
	if header.Flags&unix.RTM_F_CLONED != 0 || header.Family != unix.AF_INET && header.Family != unix.AF_INET6 {
		return MultipathRoute{}, false, nil
	}
	attributes, err := nl.ParseRouteAttr(message[unix.SizeofRtMsg:])
	if err != nil {
		return MultipathRoute{}, false, err
	}
	r := MultipathRoute{
		Table: uint32(header.Table), Type: RouteType(header.Type), Protocol: header.Protocol,
		Special: header.Tos != 0 || header.Src_len != 0,
	}
	r.To = netip.PrefixFrom(unspecified(header.Family), int(header.Dst_len))
	single := NextHop{Weight: 1}
	for _, a := range attributes {
		if err := r.decode(a, &single); err != nil {
			return MultipathRoute{}, false, err
		}
	}
	r.To = r.To.Masked()
	isDrop := r.Type == Blackhole || r.Type == Unreachable || r.Type == Prohibit // IPv6 lists the loopback interface
	if len(r.Hops) == 0 && single.Interface != 0 && !isDrop {
		r.Hops = []NextHop{single}
	}
	return r, r.To.IsValid(), nil
}

// decode decodes one attribute of a route, or of the next hop of a route that has only one.
func (r *MultipathRoute) decode(a syscall.NetlinkRouteAttr, single *NextHop) error {
	switch a.Attr.Type &^ unix.NLA_F_NESTED {
	case unix.RTA_TABLE:
		r.Table = number(a.Value)
	case unix.RTA_DST:
		destination, _ := netip.AddrFromSlice(a.Value)
		r.To = netip.PrefixFrom(destination, r.To.Bits())
	case unix.RTA_PRIORITY:
		r.Metric = number(a.Value)
	case unix.RTA_OIF:
		single.Interface = int(number(a.Value))
	case unix.RTA_GATEWAY, unix.RTA_VIA:
		single.Via = routerIn(a)
	case unix.RTA_ENCAP:
		r.Special = true
	case unix.RTA_MULTIPATH:
		return r.decodeHops(a.Value)
	}
	return nil
}

// decodeHops decodes the next hops of a route with several: struct rtnexthop, each with its attributes.
func (r *MultipathRoute) decodeHops(b []byte) error {
	for len(b) >= unix.SizeofRtNexthop {
		hop := nl.DeserializeRtNexthop(b)
		length := int(hop.RtNexthop.Len)
		if length < unix.SizeofRtNexthop || length > len(b) {
			return fmt.Errorf("a next hop of %d bytes", length)
		}
		attributes, err := nl.ParseRouteAttr(b[unix.SizeofRtNexthop:length])
		if err != nil {
			return err
		}
		h := NextHop{Interface: int(hop.Ifindex), Weight: int(hop.Hops) + 1}
		for _, a := range attributes {
			switch a.Attr.Type &^ unix.NLA_F_NESTED {
			case unix.RTA_GATEWAY, unix.RTA_VIA:
				h.Via = routerIn(a)
			case unix.RTA_ENCAP:
				r.Special = true
			}
		}
		r.Hops = append(r.Hops, h)
		b = b[min((length+unix.RTNH_ALIGNTO-1)&^(unix.RTNH_ALIGNTO-1), len(b)):]
	}
	return nil
}

// routerIn returns the address of a next router. It is zero if the attribute has no IP address.
func routerIn(a syscall.NetlinkRouteAttr) netip.Addr {
	value := a.Value
	if a.Attr.Type&^unix.NLA_F_NESTED == unix.RTA_VIA {
		value = value[min(rtaVia, len(value)):]
	}
	router, _ := netip.AddrFromSlice(value)
	return router
}
