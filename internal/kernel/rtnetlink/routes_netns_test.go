//go:build netns

package rtnetlink

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	testTable    = 7780
	testProtocol = 178
)

// wantedRoutes returns routes of every shape, which stand on an interface without an address.
func wantedRoutes(index int) []Route {
	to, via := netip.MustParsePrefix, netip.MustParseAddr
	return []Route{
		{To: to("192.168.50.0/24"), Interface: index},
		{To: to("203.0.113.0/31"), Interface: index, Metric: 7},
		{To: to("0.0.0.0/0"), Via: via("203.0.113.0"), Interface: index, OnLink: true, Metric: 100},
		{To: to("0.0.0.0/0"), Type: Unreachable, Metric: WorstMetric},
		{To: to("10.66.0.0/16"), Type: Blackhole},
		{To: to("192.168.50.255/32"), Type: Broadcast, Interface: index},
		{To: to("fd50::/64"), Interface: index},
		{To: to("::/0"), Via: via("fe80::99"), Interface: index, OnLink: true},
		{To: to("::/0"), Via: via("fd51::1"), Interface: index, OnLink: true, Metric: 7},
		{To: to("::/0"), Type: Unreachable, Metric: WorstMetric},
		{To: to("fd66::/48"), Type: Prohibit, Metric: 9},
	}
}

func setRoutes(t *testing.T, c *Conn, want []Route, changes bool) {
	t.Helper()
	changed, err := c.SetRoutes(testTable, testProtocol, want)
	if err != nil {
		t.Fatal(err)
	}
	if changed != changes {
		t.Fatalf("changed=%t instead of %t: %s", changed, changes, ip(t, "route show table 7780"))
	}
}

func TestSetRoutes(t *testing.T) {
	c, link := isolateWithLAN(t)
	wanted := wantedRoutes(link.Index)
	setRoutes(t, c, wanted, true)
	setRoutes(t, c, wanted, false)
	all, err := c.Routes()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wanted {
		w.Table, w.Protocol = testTable, testProtocol
		if !slices.Contains(all, w.normalized()) {
			t.Errorf("%s is not listed among %v", w, all)
		}
	}
	for _, family := range []string{"-4", "-6"} {
		got := ip(t, family+" route show table 7780")
		for _, part := range []string{"proto 178", "unreachable default", "metric 4294967295", "onlink"} {
			if !strings.Contains(got, part) {
				t.Errorf("no %q in %s", part, got)
			}
		}
		if main := ip(t, family+" route show proto 178"); main != "" {
			t.Errorf("in the main table: %s", main)
		}
	}
	setRoutes(t, c, wanted[:3], true)
	setRoutes(t, c, wanted[:3], false)
	setRoutes(t, c, nil, true)
	if got := ip(t, "route show table all proto 178"); got != "" {
		t.Errorf("left: %s", got)
	}
}

// Whatever another program did to a route, afterwards it is as wanted, and what is not of the protocol stays.
func TestSetRoutesRestores(t *testing.T) {
	c, link := isolateWithLAN(t)
	ip(t, "address add 192.0.2.1/24 dev lan")
	wanted := wantedRoutes(link.Index)
	setRoutes(t, c, wanted, true)
	ip(t, "route add 198.51.100.0/24 dev lan table 7780 proto static")
	for _, line := range []string{
		"route delete 192.168.50.0/24 table 7780",
		"route flush table 7780",
		"-6 route flush table 7780",
		"route replace 192.168.50.0/24 via 192.0.2.9 table 7780",
		"route prepend 192.168.50.0/24 via 192.0.2.9 table 7780",
		"route append 192.168.50.0/24 via 192.0.2.9 table 7780",
		"route change 192.168.50.0/24 dev far table 7780 proto 178",
		"-6 route replace fd50::/64 dev far table 7780",
		"-6 route append fd50::/64 via fe80::7 dev far table 7780",
		"route replace unreachable 192.168.50.0/24 table 7780",
		"route add 192.168.50.0/24 dev lan table 7780 metric 5 proto 178",
		"route add 192.168.60.0/24 table 7780 proto 178 nexthop via 192.0.2.7 nexthop via 192.0.2.8",
		"-6 route replace fd50::/64 table 7780 proto 178 nexthop via fe80::7 dev lan nexthop via fe80::8 dev lan",
		"link set lan down",
	} {
		ip(t, line)
		ip(t, "link set lan up")
		if _, err := c.SetRoutes(testTable, testProtocol, wanted); err != nil {
			t.Errorf("after %s: %v", line, err)
		}
		setRoutes(t, c, wanted, false)
		if n := strings.Count(ip(t, "route show table 7780 192.168.50.0/24"), "192.168.50"); n != 1 {
			t.Errorf("after %s: %d routes: %s", line, n, ip(t, "route show table 7780"))
		}
		ip(t, "route replace 198.51.100.0/24 dev lan table 7780 proto static")
	}
	setRoutes(t, c, nil, true)
	if got := ip(t, "route show table 7780"); !strings.Contains(got, "198.51.100.0/24") {
		t.Errorf("a route of another protocol is gone: %s", got)
	}
}

// A route that the kernel refuses is reported, and the others are set.
func TestSetRoutesPastARefusal(t *testing.T) {
	c, link := isolateWithLAN(t)
	wanted := append(wantedRoutes(link.Index), Route{To: netip.MustParsePrefix("10.0.0.0/8"), Interface: 12345})
	if _, err := c.SetRoutes(testTable, testProtocol, wanted); err == nil || !strings.Contains(err.Error(), "10.0.0.0/8") {
		t.Errorf("no error that names the route: %v", err)
	}
	if got := ip(t, "route show table 7780"); !strings.Contains(got, "192.168.50.0/24") {
		t.Error(got)
	}
}

func TestRemoveRoutes(t *testing.T) {
	c := isolate(t)
	ip(t, "address add 192.0.2.1/24 dev lan")
	ip(t, "route add 10.0.0.0/8 via 192.0.2.9")
	ip(t, "-6 route add fd10::/16 dev lan proto ra")
	all, err := c.Routes()
	if err != nil {
		t.Fatal(err)
	}
	var main []Route
	for _, r := range all {
		if r.Table == unix.RT_TABLE_MAIN && r.To.Addr() != netip.MustParseAddr("fe80::") {
			main = append(main, r)
		}
	}
	if len(main) != 3 {
		t.Fatalf("%v", main)
	}
	for _, want := range [][]Route{main, nil} {
		removed, err := c.RemoveRoutes(main)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(removed, want) {
			t.Errorf("removed %v, want %v", removed, want)
		}
		if got := ip(t, "route") + ip(t, "-6 route show proto ra"); got != "" {
			t.Errorf("left: %s", got)
		}
	}
}

var wantedRules = []Rule{
	{Priority: 7780, In: "lan", Table: testTable},
	{Priority: 7780, In: "lan", Table: testTable, IPv6: true},
	{Priority: 7780, Out: "lan", Table: testTable},
	{Priority: 7780, Mark: 0x40000000, Mask: 0x40000000, Table: testTable},
	{Priority: 7780, In: "lo", Table: testTable, MinBits: 4},
	{Priority: 7780, In: "lo", Table: testTable, MinBits: 1, IPv6: true},
	{Priority: 7780, From: netip.MustParsePrefix("192.168.50.1/32"), Table: testTable},
	{Priority: 7780, From: netip.MustParsePrefix("fd50::1/128"), Table: testTable, IPv6: true},
	{Priority: 7000, From: netip.MustParsePrefix("10.0.0.0/8"), In: "lan", Table: 9},
	{Priority: 7000, To: netip.MustParsePrefix("fd10::/16"), Table: 9, IPv6: true},
	{Priority: 7780, In: "lo", Transport: 1, Ports: PortRange{768, 1535}, Table: testTable},
	{Priority: 7780, In: "lo", Transport: 58, Ports: PortRange{256, 1279}, Table: testTable, IPv6: true},
	{Priority: 6999, In: "lan", Mask: 0x40000000, Action: RefuseSilently},
	{Priority: 6999, In: "lan", Mask: 0x10000000, Action: RefuseSilently, IPv6: true},
	{Priority: 7781, In: "lan", Action: RefuseUnreachable},
	{Priority: 7781, In: "lan", Action: RefuseUnreachable, IPv6: true},
}

// Rules are as wanted whatever another program did to them, and rules of others stay.
func TestSetRules(t *testing.T) {
	c := isolate(t)
	set := func(want []Rule, changes bool) {
		t.Helper()
		changed, err := c.SetRules(testProtocol, want)
		if err != nil || changed != changes {
			t.Fatalf("changed=%t instead of %t: %v", changed, changes, err)
		}
	}
	ip(t, "rule add priority 99 from 198.51.100.0/24 lookup 5 protocol static")
	set(wantedRules, true)
	set(wantedRules, false)
	for _, line := range []string{
		"rule delete priority 7780 iif lan",
		"rule flush protocol 178",
		"-6 rule flush protocol 178",
		"rule add priority 3 from all lookup main protocol 178",
		"rule add priority 7779 not iif lan lookup 7780 protocol 178",
		"rule add priority 7780 iif lan tos 0x10 lookup 7780 protocol 178",
		"rule add priority 7780 iif lan lookup 7780 suppress_prefixlength 0 protocol 178",
		"rule add priority 7780 iif lan ipproto tcp sport 7 lookup 7780 protocol 178",
	} {
		ip(t, line)
		set(wantedRules, true)
		set(wantedRules, false)
	}
	if got := ip(t, "rule"); !strings.Contains(got, "7780:\tfrom all fwmark 0x40000000/0x40000000 lookup 7780") ||
		!strings.Contains(got, "7781:\tfrom all iif lan unreachable") {
		t.Error(got)
	}
	all, err := c.Rules()
	if err != nil || !slices.ContainsFunc(all, func(r Rule) bool { return r.Priority == 99 }) {
		t.Errorf("%v, %v", all, err)
	}
	set(nil, true)
	if got := ip(t, "rule"); !strings.Contains(got, "99:\t") || strings.Contains(got, "proto 178") {
		t.Error(got)
	}
}

func TestFollowRoutes(t *testing.T) {
	c := isolate(t)
	socket, err := nl.Subscribe(unix.NETLINK_ROUTE, routeGroups...)
	if err != nil {
		t.Fatal(err)
	}
	reports, stop := followedOn(t, socket)
	has := func(text string) bool {
		return strings.Contains(ip(t, "rule")+ip(t, "-6 rule")+ip(t, "route show table 7780")+
			ip(t, "-6 route show table 7780"), text)
	}
	link, err := c.Link("lan")
	if err != nil {
		t.Fatal(err)
	}
	setRoutes(t, c, wantedRoutes(link.Index), true)
	for _, change := range []struct {
		line, text string
		present    bool
	}{
		{"rule add priority 77 lookup 7780", "77:", true},
		{"rule delete priority 77", "77:", false},
		{"-6 rule add priority 78 lookup 7780", "78:", true},
		{"route delete 192.168.50.0/24 table 7780", "192.168.50.0", false},
		{"-6 route delete fd50::/64 table 7780", "fd50::", false},
		{"link set lan down", "203.0.113.0/31", false},
	} {
		ip(t, change.line)
		await(t, change.line, reports, func() bool { return has(change.text) == change.present })
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// A route that changes is replaced in one step, so that its destination is never without a route. Other routes are not
// touched.
func TestSetRoutesReplacesWithoutAGap(t *testing.T) {
	c, link := isolateWithLAN(t)
	everything, everything6 := netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")
	changed := func(last string) []Route {
		return []Route{
			{To: everything, Via: netip.MustParseAddr("203.0.113." + last), Interface: link.Index, OnLink: true},
			{To: everything6, Via: netip.MustParseAddr("fe80::" + last), Interface: link.Index, OnLink: true},
			{To: netip.MustParsePrefix("10.1.0.0/16"), Interface: link.Index},
		}
	}
	setRoutes(t, c, changed("1"), true)
	socket, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	setRoutes(t, c, changed("2"), true)
	setRoutes(t, c, changed("2"), false)
	ip(t, "route add 198.51.100.0/24 dev lan table 99") // the last change to expect
	var removed, added int
	for last := false; !last; {
		messages, _, err := socket.Receive()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range messages {
			r, _, err := decodeRoute(m.Data)
			switch {
			case err != nil:
				t.Fatal(err)
			case r.Table == 99:
				last = true
			case r.Protocol == unix.RTPROT_KERNEL: // of an interface that has just come up
			case m.Header.Type == unix.RTM_DELROUTE:
				removed++
			default:
				added++
			}
		}
	}
	if removed != 0 || added != 2 {
		t.Errorf("%d routes were removed and %d added, want the two that changed to be replaced", removed, added)
	}
}

// SetAllRoutes empties tables that no route is wanted in, and reports which route the kernel refused.
func TestSetAllRoutesCoversEveryTable(t *testing.T) {
	c, link := isolateWithLAN(t)
	ip(t, "route add 198.51.100.0/24 dev lan table 7801 proto static")
	everything := netip.MustParsePrefix("0.0.0.0/0")
	wanted := []Route{
		{Table: 7780, To: everything, Interface: link.Index, Metric: 100},
		{Table: 7800, To: everything, Type: Blackhole, Metric: 100},
		{
			Table: 7801, To: everything, Via: netip.MustParseAddr("203.0.113.7"), Interface: link.Index, OnLink: true,
			Metric: 100,
		},
	}
	for n := range 4 {
		changed, err := c.SetAllRoutes(testProtocol, wanted[n%2:])
		if err != nil || !changed {
			t.Fatalf("changed=%t, %v", changed, err)
		}
		if got := strings.Count(ip(t, "route show table all proto 178"), "default"); got != len(wanted[n%2:]) {
			t.Errorf("%d routes are set, want %d", got, len(wanted[n%2:]))
		}
	}
	if got := ip(t, "route show table 7801 proto static"); !strings.Contains(got, "198.51.100.0/24") {
		t.Errorf("another program's route is gone: %q", got)
	}
	wanted[2].Via = netip.MustParseAddr("224.0.0.1")
	_, err := c.SetAllRoutes(testProtocol, wanted)
	var refused *RouteError
	if !errors.As(err, &refused) || refused.Route.Table != 7801 {
		t.Errorf("got %v, want the refusal of the route in table 7801", err)
	}
	if _, err := c.SetAllRoutes(testProtocol, nil); err != nil {
		t.Fatal(err)
	}
	if got := ip(t, "route show table all proto 178"); got != "" {
		t.Errorf("left: %s", got)
	}
}
