package multicast

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/multicast/message"
	"github.com/hapair-io/hapair/internal/kernel/mroute"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// session is the kernel's multicast routing while it is open, for the interfaces as they were when it was opened.
type session struct {
	config  Config
	devices []device
	routers []*familyRouter
	kernel  *rtnetlink.Conn
}

// device is an interface of the proxy. Its position is its number in the kernel's routing.
type device struct {
	name      string
	index     int
	addresses []address
}

// familyRouter is the routing of one family.
type familyRouter struct {
	*mroute.Router
	ipv6 bool
}

// The groups to which messages are sent.
var (
	allHosts, allHosts6         = netip.MustParseAddr("224.0.0.1"), netip.MustParseAddr("ff02::1")
	allRouters, allRouters6     = netip.MustParseAddr("224.0.0.2"), netip.MustParseAddr("ff02::2")
	allV3Routers, allV2Routers6 = netip.MustParseAddr("224.0.0.22"), netip.MustParseAddr("ff02::16")
)

// openSession becomes the multicast router of the namespace.
func openSession(c Config) (s *session, err error) {
	s = &session{config: c}
	for _, name := range slices.Concat([]string{c.Upstream}, c.Downstream) {
		found, err := net.InterfaceByName(name)
		if err != nil {
			return nil, fmt.Errorf("interface %q does not exist", name)
		}
		s.devices = append(s.devices, device{name: name, index: found.Index})
	}
	if s.kernel, err = rtnetlink.Dial(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	for _, f := range []struct {
		ipv6 bool
		open func() (*mroute.Router, error)
	}{{false, mroute.OpenIPv4}, {true, mroute.OpenIPv6}} {
		router, err := f.open()
		if err != nil {
			return nil, err
		}
		s.routers = append(s.routers, &familyRouter{router, f.ipv6})
		for number, d := range s.devices {
			if err := router.AddInterface(number, d.index); err != nil {
				return nil, fmt.Errorf("interface %s: %w", d.name, err)
			}
		}
	}
	s.refresh()
	return s, nil
}

func (s *session) close() error {
	errs := []error{s.kernel.Close()}
	for _, r := range s.routers {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}

// refresh reads the addresses of the interfaces. It reports whether they have changed, and whether an interface was
// replaced.
func (s *session) refresh() (changed, replaced bool) {
	table, err := s.kernel.AddressTable()
	for i := range s.devices {
		d := &s.devices[i]
		if found, err := net.InterfaceByName(d.name); err != nil || found.Index != d.index {
			return false, true
		}
		if err != nil {
			continue // The next change of an address brings another try.
		}
		addresses := addressesOf(d.index, table)
		changed = changed || !slices.Equal(addresses, d.addresses)
		d.addresses = addresses
	}
	return changed, false
}

func (s *session) device(name string) (number int, d device, ok bool) {
	for number, d := range s.devices {
		if d.name == name {
			return number, d, true
		}
	}
	return 0, device{}, false
}

func (s *session) router(ipv6 bool) *familyRouter {
	return s.routers[slices.IndexFunc(s.routers, func(r *familyRouter) bool { return r.ipv6 == ipv6 })]
}

func (s *session) packets(stream Stream) (uint64, error) {
	return s.router(stream.Group.Is6()).Packets(mroute.Route{Source: stream.Source, Group: stream.Group})
}

// receive passes a packet to the machine.
func (s *session) receive(m *Machine, now time.Duration, r *familyRouter, p mroute.Packet) []Effect {
	if p.Missing {
		if p.In >= len(s.devices) {
			return nil
		}
		return m.Missing(now, s.devices[p.In].name, Stream{Source: p.Source, Group: p.Group})
	}
	i := slices.IndexFunc(s.devices, func(d device) bool { return d.index == p.Interface })
	if i < 0 {
		return nil
	}
	parse := message.ParseIGMP
	if r.ipv6 {
		parse = message.ParseMLD
	}
	msg, err := parse(p.Payload)
	if err != nil {
		return nil // It cannot be read.
	}
	d := s.devices[i]
	isOwn := slices.ContainsFunc(d.addresses, func(a address) bool { return a.Addr == p.Source })
	if msg.IsQuery && d.name != s.config.Upstream && !lowest(p.Source, d.source(r.ipv6)) {
		return nil // This unit remains the querier.
	}
	return m.Receive(now, d.name, p.Source, isOwn, msg)
}

// execute carries out an effect on the kernel.
func (s *session) execute(effect Effect) error {
	switch e := effect.(type) {
	case SetRoute:
		in, _, ok := s.device(e.In)
		if !ok {
			return fmt.Errorf("interface %q is not routed", e.In)
		}
		route := mroute.Route{Source: e.Source, Group: e.Group, In: in}
		for _, name := range e.Out {
			if number, _, ok := s.device(name); ok {
				route.Out = append(route.Out, number)
			}
		}
		return s.router(e.Group.Is6()).SetRoute(route)
	case RemoveRoute:
		return s.router(e.Group.Is6()).RemoveRoute(mroute.Route{Source: e.Source, Group: e.Group})
	case SendQuery:
		return s.sendQuery(e)
	case SendReport:
		return s.sendReport(e)
	default:
		return fmt.Errorf("unknown effect %T", effect)
	}
}

func (s *session) sendQuery(e SendQuery) error {
	_, d, ok := s.device(e.Interface)
	if !ok {
		return fmt.Errorf("interface %q is not routed", e.Interface)
	}
	to, payload := allHosts, message.IGMPQuery(e.Query)
	if e.IPv6 {
		to, payload = allHosts6, message.MLDQueryMessage(e.Query)
	}
	if e.Query.Group.IsValid() {
		to = e.Query.Group
	}
	return s.send(d, e.IPv6, to, payload)
}

func (s *session) sendReport(e SendReport) error {
	_, d, _ := s.device(s.config.Upstream)
	ipv6 := e.Records[0].Group.Is6()
	if !e.Old {
		if ipv6 {
			return s.send(d, ipv6, allV2Routers6, message.MLDReportMessage(e.Records))
		}
		return s.send(d, ipv6, allV3Routers, message.IGMPReport(e.Records))
	}
	var errs []error
	for _, r := range e.Records {
		to, payload := r.Group, message.OldIGMPReport(r)
		if ipv6 {
			payload = message.OldMLDReport(r)
		}
		if isLeave := len(r.Sources) == 0 && (r.Type == message.ToInclude || r.Type == message.IsInclude); isLeave {
			to = map[bool]netip.Addr{false: allRouters, true: allRouters6}[ipv6]
		}
		errs = append(errs, s.send(d, ipv6, to, payload))
	}
	return errors.Join(errs...)
}

func (s *session) send(d device, ipv6 bool, to netip.Addr, payload []byte) error {
	return s.router(ipv6).Send(d.index, d.source(ipv6), to, payload)
}
