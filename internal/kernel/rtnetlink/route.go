package rtnetlink

import (
	"fmt"
	"math"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// RouteType is what the kernel does with packets that match a route (rtm_type in rtnetlink.h).
type RouteType uint8

// The types of routes that are set here. Lists have others too.
const (
	Unicast     RouteType = unix.RTN_UNICAST
	Local       RouteType = unix.RTN_LOCAL
	Broadcast   RouteType = unix.RTN_BROADCAST
	Blackhole   RouteType = unix.RTN_BLACKHOLE
	Unreachable RouteType = unix.RTN_UNREACHABLE
	Prohibit    RouteType = unix.RTN_PROHIBIT
)

// String returns the type as ip prints it.
func (t RouteType) String() string {
	switch t {
	case Unicast:
		return "unicast"
	case Local:
		return "local"
	case Broadcast:
		return "broadcast"
	case Blackhole:
		return "blackhole"
	case Unreachable:
		return "unreachable"
	case Prohibit:
		return "prohibit"
	default:
		return fmt.Sprintf("type %d", uint8(t))
	}
}

const (
	// WorstMetric is the metric of a route that is used if there is no other.
	WorstMetric uint32 = math.MaxUint32
	// defaultIPv6Metric is the metric that the kernel gives an IPv6 route without one (IP6_RT_PRIO_USER).
	defaultIPv6Metric = 1024
)

// Route is a route of one table. Two routes are equal if == holds.
type Route struct {
	Table uint32
	// Type is Unicast if it is zero.
	Type RouteType
	// To is the destination. The default routes are 0.0.0.0/0 and ::/0.
	To netip.Prefix
	// Via is the next hop, of the family of To. It is zero for neighbours on the link.
	Via netip.Addr
	// Interface is the index of the interface. It is zero for types that drop packets.
	Interface int
	// Source is the preferred source address, or zero.
	Source netip.Addr
	// Metric decides between routes to one destination: lower is better. For IPv6, zero is 1024.
	Metric uint32
	// Protocol is the number of who made the route (/etc/iproute2/rt_protos).
	Protocol uint8
	// OnLink allows a next hop that no other route reaches. The loopback interface must be up.
	OnLink bool
	// further is set on a listed route that has more than one next hop. Its interface is that of the first. No caller can
	// want such a route.
	further bool
}

// String returns the route in the form of ip.
func (r Route) String() string {
	text := r.To.String()
	if r.Type != Unicast && r.Type != 0 {
		text = r.Type.String() + " " + text
	}
	if r.Via.IsValid() {
		text += " via " + r.Via.String()
	}
	if r.Interface != 0 {
		text += fmt.Sprintf(" on interface %d", r.Interface)
	}
	return fmt.Sprintf("%s metric %d of table %d", text, r.Metric, r.Table)
}

// normalized returns the route as the kernel lists it.
func (r Route) normalized() Route {
	if r.Type == 0 {
		r.Type = Unicast
	}
	if r.Type == Blackhole || r.Type == Unreachable || r.Type == Prohibit {
		r.Interface = 0 // for IPv6 the kernel lists the loopback interface
	}
	r.To = r.To.Masked()
	if r.Metric == 0 && r.To.Addr().Is6() {
		r.Metric = defaultIPv6Metric
	}
	return r
}

// key is what at most one route may have.
type routeKey struct {
	table  uint32
	to     netip.Prefix
	metric uint32
}

func (r Route) key() routeKey { return routeKey{r.Table, r.To, r.Metric} }

// isEarlier reports whether a route was set as an earlier form of the wanted one, which the kernel can replace by it in
// one step.
func (r Route) isEarlier(wanted Route) bool {
	return r.Protocol == wanted.Protocol && r.Type == wanted.Type && !r.further
}

// listedRoute is a route and the message in which the kernel listed it. The message identifies the route exactly, so it
// is what a removal sends back, as ip route flush does.
type listedRoute struct {
	Route
	message []byte
}

// decodeRoute decodes a message of type RTM_NEWROUTE. It returns false for what is not in a table: cached routes.
func decodeRoute(message []byte) (listedRoute, bool, error) {
	if len(message) < unix.SizeofRtMsg {
		return listedRoute{}, false, fmt.Errorf("a route of %d bytes", len(message))
	}
	header := nl.DeserializeRtMsg(message)
	if header.Flags&unix.RTM_F_CLONED != 0 || header.Family != unix.AF_INET && header.Family != unix.AF_INET6 {
		return listedRoute{}, false, nil
	}
	attributes, err := nl.ParseRouteAttr(message[unix.SizeofRtMsg:])
	if err != nil {
		return listedRoute{}, false, err
	}
	r := Route{
		Table: uint32(header.Table), Type: RouteType(header.Type), Protocol: header.Protocol,
		OnLink: header.Flags&unix.RTNH_F_ONLINK != 0,
	}
	destination := unspecified(header.Family)
	for _, a := range attributes {
		switch a.Attr.Type &^ unix.NLA_F_NESTED {
		case unix.RTA_TABLE:
			r.Table = number(a.Value)
		case unix.RTA_DST:
			destination, _ = netip.AddrFromSlice(a.Value)
		case unix.RTA_GATEWAY:
			r.Via, _ = netip.AddrFromSlice(a.Value)
		case unix.RTA_OIF:
			r.Interface = int(number(a.Value))
		case unix.RTA_PREFSRC:
			r.Source, _ = netip.AddrFromSlice(a.Value)
		case unix.RTA_PRIORITY:
			r.Metric = number(a.Value)
		case unix.RTA_MULTIPATH:
			r.further = true
			if len(a.Value) >= unix.SizeofRtNexthop {
				r.Interface = int(nl.DeserializeRtNexthop(a.Value).Ifindex)
			}
		case unix.RTA_VIA, unix.RTA_ENCAP:
			r.further = true
		}
	}
	r.To = netip.PrefixFrom(destination, int(header.Dst_len))
	return listedRoute{Route: r.normalized(), message: message}, true, nil
}

// routeRequest returns the message and attributes that add the route.
func routeRequest(r Route) []nl.NetlinkRequestData {
	header := nl.NewRtMsg()
	header.Family, header.Dst_len = familyOf(r.To.Addr()), uint8(r.To.Bits())
	header.Table, header.Type, header.Protocol = unix.RT_TABLE_UNSPEC, uint8(r.Type), r.Protocol
	if r.To.Addr().Is4() && r.Interface != 0 && !r.Via.IsValid() {
		header.Scope = unix.RT_SCOPE_LINK
	}
	if r.OnLink {
		header.Flags |= unix.RTNH_F_ONLINK
	}
	data := []nl.NetlinkRequestData{
		header,
		nl.NewRtAttr(unix.RTA_TABLE, nl.Uint32Attr(r.Table)),
		nl.NewRtAttr(unix.RTA_DST, r.To.Addr().AsSlice()),
		nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(r.Metric)),
	}
	if r.Via.IsValid() {
		data = append(data, nl.NewRtAttr(unix.RTA_GATEWAY, r.Via.AsSlice()))
	}
	if r.Interface != 0 {
		data = append(data, nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(uint32(r.Interface))))
	}
	if r.Source.IsValid() {
		data = append(data, nl.NewRtAttr(unix.RTA_PREFSRC, r.Source.AsSlice()))
	}
	return data
}
