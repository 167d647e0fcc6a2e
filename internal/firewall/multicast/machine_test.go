package multicast

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/multicast/membership"
	"github.com/hapair-io/hapair/internal/firewall/multicast/message"
)

var (
	group  = netip.MustParseAddr("239.1.2.3")
	source = netip.MustParseAddr("10.2.0.2")
	member = netip.MustParseAddr("10.1.0.2")
	router = netip.MustParseAddr("10.2.0.254")
)

// half returns the random part of a duration in these tests.
func half(d time.Duration) time.Duration { return d / 2 }

func newTestMachine() *Machine {
	return NewMachine(Config{
		Upstream: "wan", Downstream: []string{"lan"}, Groups: []netip.Prefix{netip.MustParsePrefix("239.0.0.0/8")},
	}, half)
}

// joined returns an active machine with one membership and one stream, and its last effects.
func joined() (*Machine, []Effect) {
	m := newTestMachine()
	m.Become(time.Second, true)
	m.Missing(2*time.Second, "wan", Stream{source, group})
	return m, m.Receive(3*time.Second, "lan", member, false, join(message.ToExclude))
}

func join(kind message.RecordType) message.Message {
	return message.Message{Records: []message.Record{{Type: kind, Group: group}}}
}

// text writes effects in a short form.
func text(effects []Effect) string {
	var lines []string
	for _, effect := range effects {
		switch e := effect.(type) {
		case SendQuery:
			lines = append(lines, fmt.Sprintf("query %s %v within %s", e.Interface, e.Query.Group, e.Query.MaxResponse))
		case SendReport:
			for _, r := range e.Records {
				lines = append(lines, fmt.Sprintf("report %d %v old %t", r.Type, r.Group, e.Old))
			}
		case SetRoute:
			lines = append(lines, fmt.Sprintf("route %s to %v", e.In, e.Out))
		case RemoveRoute:
			lines = append(lines, "remove route")
		case Publish:
			lines = append(lines, fmt.Sprintf("publish %s %s", e.Key, e.Value))
		case Retract:
			lines = append(lines, "retract "+e.Key)
		}
	}
	return strings.Join(lines, "\n")
}

func want(t *testing.T, what string, effects []Effect, lines ...string) {
	t.Helper()
	if got := text(effects); got != strings.Join(lines, "\n") {
		t.Errorf("%s:\n%s\nwant\n%s", what, got, strings.Join(lines, "\n"))
	}
}

// The story of a group: a host joins, the upstream router asks, and the host leaves.
func TestJoinAndLeave(t *testing.T) {
	m := newTestMachine()
	want(t, "as the standby", m.Receive(0, "lan", member, false, join(message.ToExclude)))
	want(t, "as the new active", m.Become(time.Second, true),
		"query lan invalid IP within 1s", "query lan invalid IP within 1s") // IPv4 and IPv6
	want(t, "a stream without members", m.Missing(2*time.Second, "wan", Stream{source, group}),
		"route wan to []", `publish route/239.1.2.3/10.2.0.2 {"in":"wan"}`)
	want(t, "a join", m.Receive(3*time.Second, "lan", member, false, join(message.ToExclude)),
		`publish member/lan/239.1.2.3 {"exclude":true}`, "route wan to [lan]", "report 4 239.1.2.3 old false")
	want(t, "a second later", m.Advance(4*time.Second), "report 4 239.1.2.3 old false")
	want(t, "the same again", m.Receive(5*time.Second, "lan", member, false, join(message.IsExclude)))
	want(t, "its own report", m.Receive(5*time.Second, "lan", member, true, join(message.ToInclude)))

	query := message.Message{IsQuery: true, Query: message.Query{MaxResponse: 10 * time.Second}}
	want(t, "a query from upstream", m.Receive(6*time.Second, "wan", router, false, query))
	want(t, "its answer", m.Advance(11*time.Second), "report 2 239.1.2.3 old false")

	want(t, "a leave", m.Receive(12*time.Second, "lan", member, false, join(message.ToInclude)),
		"query lan 239.1.2.3 within 1s")
	want(t, "the query is repeated", m.Advance(13*time.Second), "query lan 239.1.2.3 within 1s")
	want(t, "nobody has answered", m.Advance(14*time.Second),
		"retract member/lan/239.1.2.3", "route wan to []", "report 3 239.1.2.3 old false")
}

// An upstream router of an older version gets reports without sources.
func TestOldUpstreamRouter(t *testing.T) {
	m, _ := joined()
	query := message.Message{IsQuery: true, Old: true, Query: message.Query{MaxResponse: 2 * time.Second}}
	m.Receive(5*time.Second, "wan", router, false, query)
	want(t, "the answer", m.Advance(6*time.Second), "report 2 239.1.2.3 old true")
}

// A group that the document does not have is neither reported nor forwarded. Groups of a link never are.
func TestOtherGroups(t *testing.T) {
	m := newTestMachine()
	m.Become(time.Second, true)
	for _, g := range []string{"232.1.1.1", "224.0.0.251", "ff02::fb"} {
		other := message.Record{Type: message.ToExclude, Group: netip.MustParseAddr(g)}
		want(t, g, m.Receive(2*time.Second, "lan", member, false, message.Message{Records: []message.Record{other}}))
	}
}

// While another router with a lower address asks, this one does not. It asks again when the other one is gone.
func TestOtherQuerier(t *testing.T) {
	m, _ := joined()
	query := message.Message{IsQuery: true, Query: message.Query{MaxResponse: 10 * time.Second}}
	queries := func(until time.Duration) (n int) {
		for now := 4 * time.Second; now < until; now += time.Second {
			if now%(100*time.Second) == 0 && now < 300*time.Second {
				m.Receive(now, "lan", netip.MustParseAddr("10.1.0.1"), false, query)
			}
			for _, e := range m.Advance(now) {
				if q, ok := e.(SendQuery); ok && !q.IPv6 && !q.Query.Group.IsValid() && now > 100*time.Second {
					n++
				}
			}
		}
		return n
	}
	if n := queries(400 * time.Second); n != 0 {
		t.Errorf("%d queries although another router asks", n)
	}
	if n := queries(800 * time.Second); n == 0 {
		t.Error("no query after the other querier has gone")
	}
}

// The standby has what the active published. It forwards at once, asks all hosts, and reports upstream.
func TestFailover(t *testing.T) {
	active, _ := joined()
	standby := newTestMachine()
	for _, e := range active.Entries(4 * time.Second) {
		if _, err := standby.Restore(time.Hour, e); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range standby.Routes() {
		want(t, "the route of the standby", []Effect{e}, "route wan to [lan]")
	}
	want(t, "the standby later", standby.Advance(time.Hour+membership.Interval))
	want(t, "the new active", standby.Become(2*time.Hour, true),
		`publish member/lan/239.1.2.3 {"exclude":true}`, "route wan to [lan]",
		`publish route/239.1.2.3/10.2.0.2 {"in":"wan"}`,
		"query lan invalid IP within 1s", "query lan invalid IP within 1s", "report 4 239.1.2.3 old false")
	if got, wanted := standby.Entries(2*time.Hour), active.Entries(4*time.Second); len(got) != len(wanted) {
		t.Errorf("%d entries, want %d", len(got), len(wanted))
	}
}

// What the active takes away is gone on the standby too.
func TestForget(t *testing.T) {
	active, _ := joined()
	standby := newTestMachine()
	for _, e := range active.Entries(4 * time.Second) {
		if _, err := standby.Restore(0, e); err != nil {
			t.Fatal(err)
		}
	}
	want(t, "a membership", standby.Forget(0, "member/lan/239.1.2.3"), "route wan to []")
	want(t, "a stream", standby.Forget(0, "route/239.1.2.3/10.2.0.2"), "remove route")
	if n := len(standby.Entries(0)); n != 0 {
		t.Errorf("%d entries are left", n)
	}
}

// A route that no packet uses is removed.
func TestIdleRoute(t *testing.T) {
	m, _ := joined()
	stream := Stream{source, group}
	want(t, "packets", m.Counted(100*time.Second, stream, 10))
	want(t, "no packets for a while", m.Counted(300*time.Second, stream, 10))
	want(t, "for too long", m.Counted(311*time.Second, stream, 10), "remove route", "retract route/239.1.2.3/10.2.0.2")
}

// A stream may begin between the opening of the gate and the unit's new role. It has its route at once then.
func TestStreamBeforeTheRole(t *testing.T) {
	m := newTestMachine()
	want(t, "before", m.Missing(time.Second, "wan", Stream{source, group}))
	want(t, "with the role", m.Become(2*time.Second, true), "route wan to []",
		`publish route/239.1.2.3/10.2.0.2 {"in":"wan"}`, "query lan invalid IP within 1s", "query lan invalid IP within 1s")
	m.Become(3*time.Second, false)
	for i := range 100 {
		m.Missing(time.Second, "wan", Stream{source, netip.AddrFrom4([4]byte{239, 0, 0, byte(i)})})
	}
	if len(m.missed) != maxMissed {
		t.Errorf("%d streams are remembered, want %d", len(m.missed), maxMissed)
	}
	moved := Stream{source, netip.AddrFrom4([4]byte{239, 0, 0, 0})}
	m.Missing(time.Second, "lan", moved)
	if got := m.missed[moved]; got != "lan" {
		t.Errorf("at the bound, a remembered stream came to %s, want lan", got)
	}
}

// Reports and streams beyond the bounds are refused and counted, on both units.
func TestBounds(t *testing.T) {
	active, standby := newTestMachine(), newTestMachine()
	active.Become(time.Second, true)
	nth := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{239, 7, byte(i >> 8), byte(i)}) }
	for i := range MaxGroups + 3 {
		active.Receive(time.Second, "lan", member, false, message.Message{Records: []message.Record{
			{Type: message.ToExclude, Group: nth(i)},
		}})
	}
	for i := range MaxRoutes + 2 {
		active.Missing(time.Second, "wan", Stream{source, nth(i)})
	}
	want := contract.MulticastCounts{Groups: MaxGroups, Routes: MaxRoutes, RefusedReports: 3, RefusedRoutes: 2}
	if got := active.Counts(); got != want {
		t.Errorf("the active has %+v, want %+v", got, want)
	}
	for _, e := range active.Entries(time.Second) {
		if _, err := standby.Restore(time.Second, e); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range []Entry{
		{Key: "member/lan/239.9.9.9", Value: []byte(`{"exclude":true}`), Life: time.Minute},
		{Key: "route/239.9.9.9/10.2.0.2", Value: []byte(`{"in":"wan"}`)},
	} {
		if _, err := standby.Restore(time.Second, e); err == nil {
			t.Errorf("the standby took %s", e.Key)
		}
	}
	want.RefusedReports, want.RefusedRoutes = 1, 1
	if got := standby.Counts(); got != want {
		t.Errorf("the standby has %+v, want %+v", got, want)
	}
}

// A unit that was active has groups that it did not receive. They end if the new active does not have them.
func TestReplaceForgetsWhatWasLearned(t *testing.T) {
	p := New(logr.Discard())
	p.Set(&Config{Upstream: "wan", Downstream: []string{"lan"}})
	p.Become(true)
	p.machine.Receive(p.now(), "lan", member, false, join(message.ToExclude))
	p.Become(false)
	other := Entry{Key: "member/lan/239.9.9.9", Value: []byte(`{"exclude":true}`), Life: time.Minute}
	p.Replace([]Entry{other})
	if got := p.Entries(); len(got) != 1 || got[0].Key != other.Key {
		t.Errorf("the proxy has %+v", got)
	}
}

// Whatever a peer sends, it changes nothing but the entries that the document allows.
func FuzzRestore(f *testing.F) {
	f.Add("member/lan/239.1.2.3", []byte(`{"exclude":true,"unwanted":["10.2.0.2"]}`))
	f.Add("route/239.1.2.3/10.2.0.2", []byte(`{"in":"wan"}`))
	f.Add("route/10.2.0.2/239.1.2.3", []byte(`{"in":"eth0"}`))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		m := newTestMachine()
		if _, err := m.Restore(time.Second, Entry{Key: key, Value: value, Life: time.Minute}); err != nil {
			if n := len(m.Entries(time.Second)); n != 0 {
				t.Errorf("%d entries after %v", n, err)
			}
			return
		}
		for _, e := range m.Entries(time.Second) {
			again := newTestMachine()
			if _, err := again.Restore(time.Second, e); err != nil || !json.Valid(e.Value) {
				t.Errorf("entry %+v is not restored: %v", e, err)
			}
			if !reflect.DeepEqual(again.Entries(time.Second), m.Entries(time.Second)) {
				t.Errorf("%+v became %+v", m.Entries(time.Second), again.Entries(time.Second))
			}
		}
	})
}
