package multicast

import (
	"net/netip"
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/bounded"
	"github.com/hapair-io/hapair/internal/firewall/multicast/membership"
	"github.com/hapair-io/hapair/internal/firewall/multicast/message"
)

// Config is what the document says about multicast.
type Config struct {
	Upstream   string
	Downstream []string
	// Groups are the groups that are forwarded; all if it is empty.
	Groups []netip.Prefix
}

const (
	// MaxGroups bounds the memberships of all interfaces.
	MaxGroups = 4096
	// MaxSources bounds the sources of all memberships.
	MaxSources = 16384
	// MaxRoutes bounds the forwarding cache.
	MaxRoutes = 16384

	// promptResponse is the time within which hosts answer the first query of a new active.
	promptResponse = time.Second
	// grace is how long each membership lasts at least that a new active has received.
	grace = 20 * time.Second
	// startupInterval is the time between the first queries (RFC 3376, 8.6), and startupCount is their number.
	startupInterval = message.QueryInterval / 4
	startupCount    = message.Robustness
	// otherQuerier is how long another router with a lower address remains the querier (RFC 3376, 8.5).
	otherQuerier = message.Robustness*message.QueryInterval + 5*time.Second
	// oldRouter is how long the upstream router counts as one of an older version after its query (RFC 3376, 8.12).
	oldRouter = membership.Interval
	// reportInterval is the time between the copies of a report upstream (RFC 3376, 8.11). reportCount is their number.
	reportInterval = time.Second
	reportCount    = message.Robustness
	// idleTime is how long a route remains without packets.
	idleTime = 210 * time.Second
	// maxMissed bounds the streams that a unit remembers while it is not active. The kernel holds packets of ten.
	maxMissed = 16
)

// Effect is something that the machine wants done.
//
//sumtype:decl
type Effect interface{ effect() }

// SendQuery asks the hosts of an interface, in one family.
type SendQuery struct {
	Interface string
	IPv6      bool
	Query     message.Query
}

// SendReport reports groups upstream. They are of one family.
type SendReport struct {
	Records []message.Record
	// Old asks for messages without sources, one a record.
	Old bool
}

// SetRoute makes the kernel forward packets of a source to a group. Without Out it drops them.
type SetRoute struct {
	Stream
	In  string
	Out []string
}

// RemoveRoute makes the kernel report the next packet of the stream.
type RemoveRoute struct{ Stream }

// Publish gives the other unit an entry.
type Publish struct{ Entry }

// Retract takes an entry of the other unit away.
type Retract struct{ Key string }

func (SendQuery) effect()   {}
func (SendReport) effect()  {}
func (SetRoute) effect()    {}
func (RemoveRoute) effect() {}
func (Publish) effect()     {}
func (Retract) effect()     {}

// Stream is what a source sends to a group.
type Stream struct{ Source, Group netip.Addr }

// Machine decides. Its clock is a duration since any instant. It is used by one goroutine at a time.
type Machine struct {
	config  Config
	random  func(time.Duration) time.Duration
	active  bool
	members *membership.Table
	routes  map[Stream]*route
	// streams are those of routes, by their group.
	streams map[netip.Addr][]Stream
	// published has until when each published membership lasts on the other unit.
	published map[membership.Key]time.Duration
	queriers  map[link]*querier
	host      host
	effects   []Effect
	// missed are the streams without a route while the unit was not active, with their interfaces.
	missed map[Stream]string
	// refusedRoutes counts the streams that did not fit.
	refusedRoutes int
}

// route is an entry of the forwarding cache.
type route struct {
	in  string
	out []string
	// packets have used it, the last of them before usedAt.
	packets uint64
	usedAt  time.Duration
}

// link is one family of a downstream interface.
type link struct {
	device string
	ipv6   bool
}

// querier asks the hosts of a link.
type querier struct {
	next time.Duration
	// startups are the queries that are left to be sent quickly.
	startups int
	// otherUntil is how long another router asks.
	otherUntil time.Duration
}

// NewMachine returns a machine of a unit that is not active. The function random returns a random part of a duration.
func NewMachine(c Config, random func(time.Duration) time.Duration) *Machine {
	m := &Machine{
		config: c, random: random, members: membership.New(membership.Limits{Groups: MaxGroups, Sources: MaxSources}),
		routes: map[Stream]*route{}, streams: map[netip.Addr][]Stream{},
		published: map[membership.Key]time.Duration{}, queriers: map[link]*querier{},
		host: newHost(), missed: map[Stream]string{},
	}
	for _, device := range c.Downstream {
		m.queriers[link{device, false}], m.queriers[link{device, true}] = &querier{}, &querier{}
	}
	return m
}

// take returns the effects that have come together.
func (m *Machine) take() []Effect {
	effects := m.effects
	m.effects = nil
	return effects
}

func (m *Machine) emit(e Effect) { m.effects = append(m.effects, e) }

// Become starts or ends the time as the active unit. A new active reports all groups upstream, and asks all hosts to
// report soon. It sends the first query again, since a host or a switch may miss one.
func (m *Machine) Become(now time.Duration, active bool) []Effect {
	if m.active == active {
		return nil
	}
	m.active = active
	if !active {
		return m.take()
	}
	clear(m.published) // The other unit may not have them.
	m.members.Extend(now + grace)
	for _, l := range m.links() {
		q := m.queriers[l]
		*q = querier{next: now, startups: startupCount}
	}
	for _, k := range m.members.Keys() {
		m.changed(now, k)
	}
	for stream, r := range m.routes {
		r.usedAt = now
		m.emit(Publish{routeEntry(stream, r.in)})
	}
	// The gate may have opened before. The kernel reports a stream once in ten seconds, and holds its packets meanwhile.
	for stream, device := range m.missed {
		m.addRoute(now, stream, device)
	}
	clear(m.missed)
	m.advance(now)
	return m.take()
}

// Requery asks all hosts again, because an interface has got an address or a carrier.
func (m *Machine) Requery(now time.Duration) []Effect {
	if !m.active {
		return nil
	}
	for _, l := range m.links() {
		q := m.queriers[l]
		q.next, q.startups = now, max(q.startups, 1)
	}
	m.advance(now)
	return m.take()
}

// links returns the links in a fixed order.
func (m *Machine) links() []link {
	links := make([]link, 0, len(m.queriers))
	for _, device := range m.config.Downstream {
		links = append(links, link{device, false}, link{device, true})
	}
	return links
}

// Receive takes in a message that arrived at an interface.
func (m *Machine) Receive(now time.Duration, device string, from netip.Addr, own bool, msg message.Message) []Effect {
	if !m.active || own {
		return nil
	}
	switch {
	case device == m.config.Upstream:
		if msg.IsQuery {
			m.answer(now, from.Is6(), msg)
		}
	case !slices.Contains(m.config.Downstream, device):
	case msg.IsQuery:
		m.elect(now, link{device, from.Is6()}, msg)
	default:
		for _, r := range msg.Records {
			m.report(now, device, r, msg.Old)
		}
	}
	m.advance(now)
	return m.take()
}

// elect leaves the questions to another router. The caller has found that its address is lower than that of this unit.
func (m *Machine) elect(now time.Duration, l link, msg message.Message) {
	if !msg.Query.Group.IsValid() {
		m.queriers[l].otherUntil = now + otherQuerier
	}
}

func (m *Machine) report(now time.Duration, device string, r message.Record, old bool) {
	if !m.forwards(r.Group) {
		return
	}
	k := membership.Key{Interface: device, Group: r.Group}
	queries, changed := m.members.Report(now, device, r, old)
	m.ask(queries)
	if changed {
		m.changed(now, k)
		return
	}
	// A report that only prolongs a membership is sent to the other unit if it prolongs it much.
	if _, life, ok := m.members.State(now, k); ok && now+life > m.published[k]+membership.Interval/8 {
		m.publish(now, k)
	}
}

// forwards reports whether a group is one that the document lets pass. The groups of a link are never forwarded.
func (m *Machine) forwards(g netip.Addr) bool {
	if !g.IsMulticast() || g.IsLinkLocalMulticast() || g.IsInterfaceLocalMulticast() {
		return false
	}
	return len(m.config.Groups) == 0 ||
		slices.ContainsFunc(m.config.Groups, func(p netip.Prefix) bool { return p.Contains(g) })
}

func (m *Machine) ask(queries []membership.Query) {
	for _, q := range queries {
		m.emit(SendQuery{Interface: q.Interface, IPv6: q.Group.Is6(), Query: message.Query{
			Group: q.Group, Sources: q.Sources, MaxResponse: membership.LastMemberResponse,
		}})
	}
}

// changed follows a change of what an interface receives: in the routes, upstream, and on the other unit.
func (m *Machine) changed(now time.Duration, k membership.Key) {
	m.publish(now, k)
	m.refreshRoutes(now, k.Group)
	m.reportUpstream(now, k.Group)
}

func (m *Machine) publish(now time.Duration, k membership.Key) {
	s, life, ok := m.members.State(now, k)
	if !ok {
		delete(m.published, k)
		m.emit(Retract{memberKey(k)})
		return
	}
	m.published[k] = now + life
	m.emit(Publish{memberEntry(k, s, life)})
}

// Missing takes in that packets of a stream have no route.
func (m *Machine) Missing(now time.Duration, device string, stream Stream) []Effect {
	if !m.active {
		bounded.Put(m.missed, maxMissed, stream, device)
		return nil
	}
	m.addRoute(now, stream, device)
	return m.take()
}

func (m *Machine) addRoute(now time.Duration, stream Stream, device string) {
	if _, known := m.routes[stream]; !known && len(m.routes) >= MaxRoutes {
		m.refusedRoutes++
		return
	}
	m.setRoute(now, stream, device)
	m.emit(Publish{routeEntry(stream, device)})
}

// setRoute forwards a stream to the downstream interfaces that receive it, and one from downstream also upstream. A
// stream that nobody receives has a route that drops it.
func (m *Machine) setRoute(now time.Duration, stream Stream, in string) {
	r := m.routes[stream]
	if r == nil {
		r = &route{usedAt: now}
		m.routes[stream], m.streams[stream.Group] = r, append(m.streams[stream.Group], stream)
	}
	r.in, r.out = in, nil
	if m.forwards(stream.Group) {
		for _, device := range m.config.Downstream {
			k := membership.Key{Interface: device, Group: stream.Group}
			if device != in && m.members.Wants(now, k, stream.Source) {
				r.out = append(r.out, device)
			}
		}
		if in != m.config.Upstream {
			r.out = append(r.out, m.config.Upstream)
		}
	}
	m.emit(SetRoute{Stream: stream, In: in, Out: r.out})
}

// removeRoute makes the kernel report the next packet of a stream.
func (m *Machine) removeRoute(stream Stream) {
	delete(m.routes, stream)
	left := slices.DeleteFunc(m.streams[stream.Group], func(s Stream) bool { return s == stream })
	if m.streams[stream.Group] = left; len(left) == 0 {
		delete(m.streams, stream.Group)
	}
	m.emit(RemoveRoute{stream})
}

// refreshRoutes follows a change of who receives a group.
func (m *Machine) refreshRoutes(now time.Duration, group netip.Addr) {
	for _, stream := range m.streams[group] {
		m.setRoute(now, stream, m.routes[stream].in)
	}
}

// Streams returns the streams that have a route.
func (m *Machine) Streams() []Stream {
	streams := make([]Stream, 0, len(m.routes))
	for stream := range m.routes {
		streams = append(streams, stream)
	}
	return streams
}

// Routes returns the effects that set all routes, for a kernel that has none.
func (m *Machine) Routes() []Effect {
	effects := make([]Effect, 0, len(m.routes))
	for stream, r := range m.routes {
		effects = append(effects, SetRoute{Stream: stream, In: r.in, Out: r.out})
	}
	return effects
}

// Counted takes in how many packets have used the route of a stream. A route without packets for a while is removed.
func (m *Machine) Counted(now time.Duration, stream Stream, packets uint64) []Effect {
	r := m.routes[stream]
	switch {
	case r == nil || !m.active:
		return nil
	case packets != r.packets:
		r.packets, r.usedAt = packets, now
	case now-r.usedAt >= idleTime:
		m.removeRoute(stream)
		m.emit(Retract{routeKey(stream)})
	}
	return m.take()
}

// Advance carries out what is due. Nothing ends on the standby: the active decides.
func (m *Machine) Advance(now time.Duration) []Effect {
	if m.active {
		m.advance(now)
	}
	return m.take()
}

func (m *Machine) advance(now time.Duration) {
	queries, changed := m.members.Advance(now)
	m.ask(queries)
	for _, k := range changed {
		m.changed(now, k)
	}
	for _, l := range m.links() {
		m.queriers[l].advance(now, func(within time.Duration) {
			m.emit(SendQuery{Interface: l.device, IPv6: l.ipv6, Query: message.Query{MaxResponse: within}})
		})
	}
	m.sendReports(now)
}

// advance sends a general query that is due.
func (q *querier) advance(now time.Duration, send func(within time.Duration)) {
	if q.next > now {
		return
	}
	if q.startups > 0 {
		q.startups--
		q.next = now + startupInterval
		send(promptResponse)
		return
	}
	q.next = now + message.QueryInterval
	if q.otherUntil <= now {
		send(10 * time.Second)
	}
}

// Next returns the earliest instant at which Advance has something to do; false on a standby.
func (m *Machine) Next(now time.Duration) (next time.Duration, ok bool) {
	if !m.active {
		return 0, false
	}
	next, ok = m.members.Next()
	see := func(at time.Duration) {
		if !ok || at < next {
			next, ok = at, true
		}
	}
	for _, q := range m.queriers {
		see(q.next)
	}
	m.host.each(func(at time.Duration) { see(at) })
	return next, ok
}
