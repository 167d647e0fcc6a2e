package membership

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/multicast/message"
)

// The timers of RFC 3376, 8, with their default values.
const (
	// Interval is how long a membership lasts without a further report.
	Interval = message.Robustness*message.QueryInterval + queryResponse
	// queryResponse is the time within which hosts answer a general query.
	queryResponse = 10 * time.Second
	// LastMemberResponse is the time within which hosts answer a query about a group that somebody left. The query is
	// sent lastMemberCount times.
	LastMemberResponse = time.Second
	lastMemberCount    = message.Robustness
	lastMemberTime     = lastMemberCount * LastMemberResponse
)

// Key is a group on one interface.
type Key struct {
	Interface string
	Group     netip.Addr
}

// Query is a question that the router must send to an interface.
type Query struct {
	Key
	Sources []netip.Addr
}

// Limits bound a table.
type Limits struct {
	// Groups bounds the groups of all interfaces together, and Sources their sources.
	Groups, Sources int
}

// Table has the memberships of all downstream interfaces.
type Table struct {
	limits  Limits
	groups  map[Key]*group
	sources int
	// interfaces are those that have had a group.
	interfaces []string
	// due is not later than the next instant at which something times out or is repeated.
	due time.Duration
	// Refused counts the reports that did not fit.
	Refused int
}

// New returns a table without memberships.
func New(limits Limits) *Table {
	return &Table{limits: limits, groups: map[Key]*group{}, due: never}
}

// never is later than every instant.
const never = time.Duration(math.MaxInt64)

// group is the state of one group: INCLUDE with sources, or EXCLUDE with sources that somebody wants and others that
// nobody wants. A source that nobody wants has no time left.
type group struct {
	exclude bool
	// until is when the group becomes INCLUDE. It counts in EXCLUDE only.
	until   time.Duration
	sources map[netip.Addr]time.Duration
	// oldUntil is how long a host of an older version is assumed, whose reports have no sources.
	oldUntil time.Duration
	repeats  []repeat
	// seen is the state that the caller knows.
	seen State
}

// repeat is a query that is sent again.
type repeat struct {
	at      time.Duration
	left    int
	sources []netip.Addr
}

// Report takes in what a host reports about a group. It returns the queries to send, and whether what the interface
// receives has changed.
func (t *Table) Report(now time.Duration, device string, r message.Record, old bool) (queries []Query, changed bool) {
	k := Key{device, r.Group}
	g := t.groups[k]
	if g == nil {
		if isLeave(r) || len(t.groups) >= t.limits.Groups {
			t.refuseUnless(isLeave(r))
			return nil, false
		}
		g = &group{sources: map[netip.Addr]time.Duration{}}
	}
	if added := g.unknown(r.Sources); added > 0 && t.sources+added > t.limits.Sources {
		t.Refused++
		return nil, false
	}
	if old {
		g.oldUntil = now + Interval
	}
	t.sources -= len(g.sources)
	asked := g.take(now, r)
	t.sources += len(g.sources)
	for _, sources := range asked {
		g.ask(now, sources)
		queries = append(queries, Query{k, sources})
	}
	t.set(now, k, g)
	return queries, t.settle(k, now)
}

// set makes a group that of a key.
func (t *Table) set(now time.Duration, k Key, g *group) {
	t.groups[k] = g
	if due, ok := g.next(now); ok {
		t.due = min(t.due, due)
	}
	if !slices.Contains(t.interfaces, k.Interface) {
		t.interfaces = append(t.interfaces, k.Interface)
	}
}

// unknown returns how many of the sources the group does not have. A report may prolong the others at the bound.
func (g *group) unknown(sources []netip.Addr) (n int) {
	for _, s := range sources {
		if _, known := g.sources[s]; !known {
			n++
		}
	}
	return n
}

// settle removes a group without members, and reports whether its state has changed since the caller last saw it.
func (t *Table) settle(k Key, now time.Duration) (changed bool) {
	g := t.groups[k]
	state := g.state(now)
	changed = !state.equal(g.seen)
	g.seen = state
	if !g.exclude && len(g.sources) == 0 {
		delete(t.groups, k)
	}
	return changed
}

func (t *Table) refuseUnless(accepted bool) {
	if !accepted {
		t.Refused++
	}
}

func isLeave(r message.Record) bool {
	switch r.Type {
	case message.BlockSources:
		return true
	case message.ToExclude, message.IsExclude:
		return false
	default:
		return len(r.Sources) == 0
	}
}

// take changes the state as the tables of RFC 3376, 6.4 demand. It returns the sources of each query to send; a list
// without sources is a query about the group.
func (g *group) take(now time.Duration, r message.Record) (asked [][]netip.Addr) {
	sources := r.Sources
	if isOld := g.oldUntil > now; isOld && r.Type == message.BlockSources { // RFC 3376, 7.3.2
		return nil
	} else if isOld && r.Type == message.ToExclude {
		sources = nil
	}
	add := func(list [][]netip.Addr, sources []netip.Addr) [][]netip.Addr {
		if len(sources) == 0 {
			return list
		}
		return append(list, sources)
	}
	switch r.Type {
	case message.IsInclude, message.AllowSources:
		g.want(sources, now+Interval)
	case message.ToInclude:
		asked = add(asked, g.wantedExcept(now, sources))
		g.want(sources, now+Interval)
		if g.exclude {
			asked = append(asked, nil)
		}
	case message.IsExclude, message.ToExclude:
		until := now + Interval
		if g.exclude && r.Type == message.ToExclude {
			until = g.until
		}
		g.becomeExclude(now, sources, until)
		if r.Type == message.ToExclude {
			asked = add(asked, g.wantedOf(now, sources))
		}
	case message.BlockSources:
		if g.exclude {
			for _, s := range sources {
				if _, known := g.sources[s]; !known {
					g.sources[s] = g.until
				}
			}
		}
		asked = add(asked, g.wantedOf(now, sources))
	}
	return asked
}

// want makes sources wanted until an instant.
func (g *group) want(sources []netip.Addr, until time.Duration) {
	for _, s := range sources {
		g.sources[s] = until
	}
}

// becomeExclude makes the mode EXCLUDE, with these sources and no others. Unknown ones stay wanted until an instant if
// the group was in EXCLUDE before, and are otherwise not wanted.
func (g *group) becomeExclude(now time.Duration, sources []netip.Addr, until time.Duration) {
	kept := make(map[netip.Addr]time.Duration, len(sources))
	for _, s := range sources {
		had, known := g.sources[s]
		switch {
		case known:
			kept[s] = had
		case g.exclude:
			kept[s] = until
		default:
			kept[s] = now
		}
	}
	g.exclude, g.until, g.sources = true, now+Interval, kept
}

// wantedOf returns those of the sources that are wanted.
func (g *group) wantedOf(now time.Duration, sources []netip.Addr) (wanted []netip.Addr) {
	for _, s := range sources {
		if g.sources[s] > now {
			wanted = append(wanted, s)
		}
	}
	return wanted
}

// wantedExcept returns the wanted sources that are not in a list.
func (g *group) wantedExcept(now time.Duration, sources []netip.Addr) (wanted []netip.Addr) {
	for s, until := range g.sources {
		if until > now && !slices.Contains(sources, s) {
			wanted = append(wanted, s)
		}
	}
	slices.SortFunc(wanted, netip.Addr.Compare)
	return wanted
}

// ask shortens the timers that a query is about, and notes its repetition.
func (g *group) ask(now time.Duration, sources []netip.Addr) {
	if len(sources) == 0 {
		g.until = min(g.until, now+lastMemberTime)
	}
	for _, s := range sources {
		if until := g.sources[s]; until > now {
			g.sources[s] = min(until, now+lastMemberTime)
		}
	}
	if len(g.repeats) < maxRepeats {
		g.repeats = append(g.repeats, repeat{at: now + LastMemberResponse, left: lastMemberCount - 1, sources: sources})
	}
}

// maxRepeats bounds the queries about one group that wait to be repeated.
const maxRepeats = 16

// Advance ends what has timed out. It returns the queries to repeat, and the groups whose state has changed.
func (t *Table) Advance(now time.Duration) (queries []Query, changed []Key) {
	if now < t.due {
		return nil, nil // It is called with each message of a host, and there may be many groups.
	}
	t.due = never
	for _, k := range t.Keys() {
		g := t.groups[k]
		queries = append(queries, g.repeat(k, now)...)
		t.sources -= len(g.sources)
		g.expire(now)
		t.sources += len(g.sources)
		if due, ok := g.next(now); ok {
			t.due = min(t.due, due)
		}
		if t.settle(k, now) {
			changed = append(changed, k)
		}
	}
	return queries, changed
}

func (g *group) repeat(k Key, now time.Duration) (queries []Query) {
	kept := g.repeats[:0]
	for _, r := range g.repeats {
		if r.at <= now {
			queries = append(queries, Query{k, r.sources})
			r.at, r.left = now+LastMemberResponse, r.left-1
		}
		if r.left > 0 {
			kept = append(kept, r)
		}
	}
	g.repeats = kept
	return queries
}

// expire ends what has timed out. In EXCLUDE, a source whose time is over becomes unwanted.
func (g *group) expire(now time.Duration) {
	if g.exclude && g.until > now {
		return
	}
	g.exclude = false
	for s, until := range g.sources {
		if until <= now {
			delete(g.sources, s)
		}
	}
}

// next returns the earliest instant after now at which something of the group times out or is repeated, or false
// without one.
func (g *group) next(now time.Duration) (next time.Duration, ok bool) {
	see := func(at time.Duration) {
		if at > now && (!ok || at < next) {
			next, ok = at, true
		}
	}
	if g.exclude {
		see(g.until)
	}
	for _, until := range g.sources {
		see(until)
	}
	for _, r := range g.repeats {
		see(r.at)
	}
	return next, ok
}

// Next returns the earliest instant at which Advance may have something to do, or false without one.
func (t *Table) Next() (next time.Duration, ok bool) { return t.due, t.due != never }

// Len returns the number of groups of all interfaces, and of their sources.
func (t *Table) Len() (groups, sources int) { return len(t.groups), t.sources }

// Keys returns the groups of all interfaces, sorted.
func (t *Table) Keys() []Key {
	keys := make([]Key, 0, len(t.groups))
	for k := range t.groups {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b Key) int {
		return cmp.Or(a.Group.Compare(b.Group), cmp.Compare(a.Interface, b.Interface))
	})
	return keys
}

// Wants reports whether a host on an interface receives a group from a source.
func (t *Table) Wants(now time.Duration, k Key, source netip.Addr) bool {
	g := t.groups[k]
	if g == nil {
		return false
	}
	until, known := g.sources[source]
	if g.exclude {
		return !known || until > now
	}
	return until > now
}
