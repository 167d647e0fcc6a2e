//go:build netns

package firewall_test

import (
	"fmt"
	"net/netip"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/dataplane"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/test/testbed"
)

// connectDMZ adds a third segment to the firewall.
func (b *bed) connectDMZ() (dmz *testbed.Namespace) {
	b.Helper()
	dmz = testbed.NewNamespace(b, "dmz")
	b.wire("dmz", dmzGateway+"/24", dmzGateway6+"/64", dmz, dmzAddress+"/24", dmzAddress6+"/64")
	dmz.Link(b, "eth0").Route(dmzGateway).Route(dmzGateway6)
	return dmz
}

const (
	dmzAddress, dmzAddress6 = "192.168.60.10", "fd60::10"
	dmzGateway, dmzGateway6 = "192.168.60.1", "fd60::1"
	podGateway, podGateway6 = neighbourAddress, "fd00::1"
)

// networks are the prefixes of the segments.
var networks = map[string][]string{
	"lan": {"192.168.50.0/24", "fd50::/64"},
	"wan": {"203.0.113.0/24", "2001:db8:113::/64"},
	"dmz": {"192.168.60.0/24", "fd60::/64"},
}

// separatePlanes gives the firewall the routes of a unit: the pod's network has the default route of the main table,
// and the segments have a table of their own.
func (b *bed) separatePlanes(segments ...string) {
	b.Helper()
	table := fmt.Sprint(contract.DataPlaneTable)
	mark := fmt.Sprintf("%#x/%#x", contract.DataPlaneMark, contract.DataPlaneMark)
	for _, family := range []struct{ flag, gateway string }{{"-4", podGateway}, {"-6", podGateway6}} {
		ip := func(args ...string) { b.in(b.firewall, append([]string{"ip", family.flag}, args...)...) }
		ip("route", "add", "default", "via", family.gateway)
		ip("route", "add", "unreachable", "default", "metric", "4294967295", "table", table)
		for _, selector := range [][]string{
			{"fwmark", mark}, {"iif", "lan"}, {"iif", "wan"}, {"oif", "lan"}, {"oif", "wan"}, {"iif", "dmz"}, {"oif", "dmz"},
		} {
			ip(append([]string{"rule", "add", "priority", table, "lookup", table}, selector...)...)
		}
		both := fmt.Sprintf("%#x", contract.DataPlaneMark|contract.SpecificMark)
		ip("rule", "add", "priority", "7777", "iif", "lo", "fwmark", both+"/"+both, "lookup", table,
			"suppress_prefixlength", fmt.Sprint(contract.SpecificBits-1))
		ip("rule", "add", "priority", "7778", "iif", "lo", "fwmark", both+"/"+both, "unreachable")
	}
	for _, name := range segments {
		for _, prefix := range networks[name] {
			b.in(b.firewall, "ip", "route", "del", prefix, "dev", name)
			b.in(b.firewall, "ip", "route", "add", prefix, "dev", name, "table", table)
		}
	}
}

// setPlanes gives the firewall the routes and rules of a unit, which keeps what routing daemons have learned.
func (b *bed) setPlanes() {
	b.Helper()
	kernel := testbed.Open(b, b.firewall, rtnetlink.Dial)
	planes := dataplane.New(dataplane.Options{Networks: []dataplane.Network{
		{Interface: "lan", Addresses: []netip.Prefix{netip.MustParsePrefix(lanAddress + "/24")}},
		{Interface: "wan", Addresses: []netip.Prefix{netip.MustParsePrefix(wanAddress + "/24")}},
	}, DynamicRouting: true, Kernel: kernel, Log: logr.Discard()})
	if err := b.firewall.Do(planes.Set); err != nil {
		b.Fatal(err)
	}
}
