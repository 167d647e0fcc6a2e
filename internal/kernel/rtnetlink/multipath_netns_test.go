//go:build netns

package rtnetlink

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

// multipathRoutes returns routes that the kernel lists as they are here.
func multipathRoutes(link int) []MultipathRoute {
	via := func(address string, weight int) NextHop {
		return NextHop{Via: netip.MustParseAddr(address), Interface: link, Weight: weight}
	}
	all := []MultipathRoute{
		{To: netip.MustParsePrefix("10.1.0.0/16"), Hops: []NextHop{via("198.51.100.7", 1)}},
		{To: netip.MustParsePrefix("10.2.0.0/16"), Hops: []NextHop{via("198.51.100.7", 3), via("198.51.100.8", 256)}},
		{To: netip.MustParsePrefix("10.3.0.0/16"), Hops: []NextHop{{Interface: link, Weight: 1}}},
		{To: netip.MustParsePrefix("10.4.0.0/16"), Hops: []NextHop{via("fe80::7", 1)}},
		{To: netip.MustParsePrefix("10.5.0.0/16"), Type: Blackhole},
		{To: netip.MustParsePrefix("0.0.0.0/0"), Hops: []NextHop{via("198.51.100.7", 1)}},
		{To: netip.MustParsePrefix("fd01::/16"), Hops: []NextHop{via("fe80::7", 1)}},
		{To: netip.MustParsePrefix("fd02::/16"), Hops: []NextHop{via("fe80::7", 2), via("2001:db8::8", 1)}},
		{To: netip.MustParsePrefix("fd03::/16"), Type: Unreachable},
		{To: netip.MustParsePrefix("::/0"), Hops: []NextHop{via("2001:db8::8", 1)}},
	}
	for i := range all {
		if all[i].Type == 0 {
			all[i].Type = Unicast
		}
		all[i].Table, all[i].Protocol, all[i].Metric = testTable, testProtocol, 0xC9000014
	}
	return all
}

// wantMultipath checks the routes of the table.
func wantMultipath(t *testing.T, c *Conn, want []MultipathRoute) {
	t.Helper()
	got, err := c.MultipathRoutes(testTable)
	if err != nil {
		t.Fatal(err)
	}
	left := map[netip.Prefix]MultipathRoute{}
	for _, r := range got {
		left[r.To] = r
	}
	for _, w := range want {
		if !reflect.DeepEqual(left[w.To], w) {
			t.Errorf("got %+v, want %+v", left[w.To], w)
		}
		delete(left, w.To)
	}
	if len(left) > 0 {
		t.Errorf("unexpected: %+v", left)
	}
}

func TestMultipathRoutes(t *testing.T) {
	c, link := isolateWithLAN(t)
	ip(t, "route add 10.9.0.0/16 dev lan table 99")
	all := multipathRoutes(link.Index)
	for range 2 {
		for _, r := range all {
			if err := c.SetMultipathRoute(r); err != nil {
				t.Fatal(err)
			}
		}
		wantMultipath(t, c, all)
	}
	for i := range all { // Each gets the next hops of another one.
		if other := all[(i+1)%len(all)]; other.To.Addr().Is4() == all[i].To.Addr().Is4() && i%2 == 0 {
			all[i].Hops, all[i].Type = other.Hops, other.Type
			if err := c.SetMultipathRoute(all[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	wantMultipath(t, c, all)
	for range 2 {
		for _, r := range all[1:] {
			if err := c.RemoveMultipathRoute(MultipathRoute{
				Table: r.Table, To: r.To, Metric: r.Metric, Protocol: r.Protocol,
			}); err != nil {
				t.Fatal(err)
			}
		}
		wantMultipath(t, c, all[:1])
	}
	if got := ip(t, "route show table 99"); !strings.Contains(got, "10.9.0.0/16") {
		t.Errorf("the route of another table is gone: %q", got)
	}
}

// TestRemovalLeavesOtherProtocols has a route of another protocol with the same destination and metric.
func TestRemovalLeavesOtherProtocols(t *testing.T) {
	c, link := isolateWithLAN(t)
	for _, r := range multipathRoutes(link.Index) {
		r.Protocol = 99
		if err := c.SetMultipathRoute(r); err != nil {
			t.Fatal(err)
		}
		r.Protocol = testProtocol
		if err := c.RemoveMultipathRoute(r); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := c.MultipathRoutes(testTable); err != nil || len(got) != 10 {
		t.Errorf("%d routes are left, want 10; %v", len(got), err)
	}
}

// TestRouteEvents reads the events of what ip does, in order, and those of interfaces.
func TestRouteEvents(t *testing.T) {
	_, link := isolateWithLAN(t)
	events, err := OpenRouteEvents()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = events.Close() }()
	for _, line := range []string{
		"route add 10.1.0.0/16 dev lan table 99",
		"route add 10.2.0.0/16 table 7780 proto ospf metric 20 " +
			"nexthop via 198.51.100.7 dev lan onlink nexthop via 198.51.100.8 dev lan onlink",
		"route replace 10.2.0.0/16 via 198.51.100.8 dev lan onlink table 7780 proto ospf metric 20",
		"route delete 10.2.0.0/16 table 7780",
		"route add 10.3.0.0/16 tos 0x10 dev lan table 7780 proto bgp",
		"-6 route add fd01::/16 table 7780 proto ospf nexthop via fe80::7 dev lan nexthop via fe80::8 dev lan",
		"-6 route delete fd01::/16 via fe80::8 dev lan table 7780",
	} {
		ip(t, line)
	}
	var got []RouteEvent
	if _, err := events.Read(testTable, func(e RouteEvent) { got = append(got, e) }); err != nil {
		t.Fatal(err)
	}
	hop := func(via string) NextHop {
		return NextHop{Via: netip.MustParseAddr(via), Interface: link.Index, Weight: 1}
	}
	route := func(to string, metric uint32, protocol uint8, hops ...NextHop) MultipathRoute {
		return MultipathRoute{
			Table: testTable, Type: Unicast, To: netip.MustParsePrefix(to), Metric: metric, Protocol: protocol, Hops: hops,
		}
	}
	special := route("10.3.0.0/16", 0, 186, NextHop{Interface: link.Index, Weight: 1})
	special.Special = true
	want := []RouteEvent{
		{MultipathRoute: route("10.2.0.0/16", 20, 188, hop("198.51.100.7"), hop("198.51.100.8"))},
		{MultipathRoute: route("10.2.0.0/16", 20, 188, hop("198.51.100.8"))},
		{MultipathRoute: route("10.2.0.0/16", 20, 188, hop("198.51.100.8")), Deleted: true},
		{MultipathRoute: special},
		{MultipathRoute: route("fd01::/16", 1024, 188, hop("fe80::7"), hop("fe80::8"))},
		{MultipathRoute: route("fd01::/16", 1024, 188, hop("fe80::8")), Deleted: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
	ip(t, "link set lan down")
	if links, err := events.Read(testTable, func(RouteEvent) {}); err != nil || !links {
		t.Errorf("links changed: %t, %v", links, err)
	}
}
