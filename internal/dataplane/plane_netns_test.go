//go:build netns

package dataplane

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/test/testbed"
)

// A virtual address whose network covers the pod and Service networks, an own address of such a network that the
// attachment brings along, and one whose broadcast address is the peer's, do not divert the control plane. Hosts on the
// segment are reached.
func TestNetworkThatCoversThePodNetworkDoesNotDivertTheControlPlane(t *testing.T) {
	for name, c := range map[string]struct {
		virtual []string
		own     []string
	}{
		"virtual":            {virtual: []string{"10.0.0.1/8"}},
		"virtual, IPv6":      {virtual: []string{"fd00::1/16"}},
		"own and virtual":    {virtual: []string{"10.0.0.1/8", "fd00::1/16"}, own: []string{"10.0.0.2/8", "fd00::2/16"}},
		"everything":         {virtual: []string{"10.0.0.1/1", "fd00::1/1"}},
		"peer is broadcast":  {virtual: []string{"10.244.2.1/29"}},
		"pod's own network":  {virtual: []string{"10.244.1.100/24", "fd00:10:244:1::100/64"}},
		"gateway's host":     {virtual: []string{"10.244.1.0/31"}},
		"network of Service": {virtual: []string{"10.96.0.2/30"}, own: []string{"10.96.0.3/30"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			for _, a := range c.virtual {
				b.networks[0].Addresses = append(b.networks[0].Addresses, prefix(a))
			}
			for _, a := range c.own {
				b.ip("address add " + a + " dev lan")
			}
			faults := b.run()
			control := b.controlPlane()
			for range 2 {
				b.attach()
				testbed.Eventually(t, "no broadcast address is in the local table", func() bool {
					return !strings.Contains(b.ip("route show table local type broadcast dev lan"), "broadcast")
				})
				control.works()
				b.connect(b.lan, b.serve(b.unit, virtualLAN))
				b.withdraw()
				control.works()
			}
			b.expectNoFault(faults)
		})
	}
}

func (b *bed) expectNoFault(faults <-chan error) {
	b.t.Helper()
	select {
	case err := <-faults:
		b.t.Errorf("a fault is reported: %v", err)
	default:
	}
}

// Routes that the attachment put into the main table serve the data plane, and the control plane no more.
func TestRoutesOfTheAttachmentMoveToTheDataPlane(t *testing.T) {
	b := newBed(t)
	b.ip("route replace default via 203.0.113.9 dev wan onlink metric 1")
	b.ip("route add 10.96.0.0/12 via 192.168.50.10 dev lan")
	b.ip("route add 10.244.2.0/24 dev lan scope link")
	b.ip("-6 route add fd00:10:96::/48 via fd50::10 dev lan")
	b.ip("route add 172.20.0.0/16 nexthop via 192.168.50.10 nexthop via 192.168.50.11")
	b.run()
	control := b.controlPlane()
	b.attach()
	b.lan.Link(t, "lo").Address("10.96.7.7/32")
	b.connect(b.server, b.serve(b.lan, "10.96.7.7"))
	for _, remove := range []string{"", "route flush table 7780", "link set lan down", "-6 route flush table 7780"} {
		if remove != "" {
			b.ip(remove)
			b.ip("link set lan up")
		}
		testbed.Eventually(t, "the routes are in the data plane's table after "+remove, func() bool {
			table := b.ip("route show table 7780") + b.ip("-6 route show table 7780")
			return strings.Contains(table, "default via 203.0.113.9 dev wan") &&
				strings.Contains(table, "10.96.0.0/12 via 192.168.50.10 dev lan") &&
				strings.Contains(table, "10.244.2.0/24 dev lan") && strings.Contains(table, "172.20.0.0/16") &&
				(strings.Contains(table, "fd00:10:96::/48 via fd50::10 dev lan") || remove == "link set lan down")
		})
		control.works()
	}
	for _, name := range []string{"lan", "wan"} {
		if got := b.ip("route show dev " + name); got != "" {
			t.Errorf("left in the main table: %s", got)
		}
	}
}

// The attachment gives the interface no address of its own. A route via the WAN router that somebody adds while the
// unit is active is there in both roles, although the kernel removes all routes of an interface that loses its last
// address.
func TestRouteOfAnInterfaceWithoutAnOwnAddressIsThereInBothRoles(t *testing.T) {
	b := newBed(t)
	faults := b.run()
	control := b.controlPlane()
	b.attach()
	b.ip("route add 198.51.100.0/24 via 203.0.113.9 dev wan")
	b.ip("-6 route add 2001:db8:51::/48 via 2001:db8:113::9 dev wan")
	for _, role := range []string{"active", "standby", "active again"} {
		if role == "standby" {
			b.withdraw()
		} else {
			b.attach()
		}
		testbed.Eventually(t, "the routes are there while "+role, func() bool {
			return strings.Contains(b.ip("route show table 7780"), "198.51.100.0/24 via 203.0.113.9 dev wan") &&
				strings.Contains(b.ip("-6 route show table 7780"), "2001:db8:51::/48 via 2001:db8:113::9 dev wan")
		})
		if got := b.ip("-4 address show dev wan"); role == "standby" && strings.Contains(got, "inet ") {
			t.Errorf("the WAN has an address: %s", got)
		}
	}
	b.server.Link(t, "lo").Address("198.51.100.7/32").Address("2001:db8:51::7/128")
	b.connect(b.lan, b.serve(b.server, "198.51.100.7"))
	control.works()
	b.expectNoFault(faults)
}

// A second life of the process finds the routes that the first one moved.
func TestRoutesOfTheAttachmentOutliveTheProcess(t *testing.T) {
	b := newBed(t)
	b.ip("route add 10.96.0.0/12 via 192.168.50.10 dev lan")
	for range 2 {
		p := New(Options{Networks: b.networks, Kernel: b.kernel})
		for range 2 {
			if err := p.Set(); err != nil {
				t.Fatal(err)
			}
		}
		if got := b.ip("route show table 7780"); strings.Count(got, "10.96.0.0/12 via 192.168.50.10 dev lan") != 1 {
			t.Fatal(got)
		}
	}
}

// The reverse path filter that a node sets for all interfaces does not drop packets of the data plane.
func TestStrictReversePathFilterOfTheNode(t *testing.T) {
	for _, filter := range []string{"0", "1", "2"} {
		t.Run("rp_filter="+filter, func(t *testing.T) {
			b := newBed(t)
			b.set("net.ipv4.conf.all.rp_filter", filter)
			b.run()
			b.attach()
			control := b.controlPlane()
			b.connect(b.lan, b.serve(b.server, serverAddress))
			b.connect(b.lan, b.serve(b.unit, virtualLAN))
			b.connect(b.lan, b.serve(b.unit, ownLAN))
			b.connect(b.server, b.serve(b.lan, lanHost))
			control.works()
		})
	}
}

// Rules and routes that somebody removes, changes or adds are set right, those of the kernel too. A second is promised.
// What the machine stalls does not count. `make bench-edge` measures the times.
func TestRulesAndRoutesArePutBack(t *testing.T) {
	b := newBed(t)
	faults := b.run()
	b.attach()
	testbed.Eventually(t, "the routes are complete", func() bool {
		return strings.Contains(b.listing(), "broadcast 203.0.113.255/32")
	})
	want, stalls := b.listing(), testbed.WatchStalls(t)
	for line, runs := range map[string]int{
		"rule delete priority 7780 iif lan":                10,
		"route delete 192.168.50.0/24 table 7780":          10,
		"-6 route delete fd50::/64 table 7780":             10,
		"-6 rule delete priority 7780 oif wan":             1,
		"rule flush protocol 178":                          1,
		"rule add priority 5 lookup main protocol 178":     1,
		"route delete unreachable default table 7780":      1,
		"route replace 192.168.50.0/24 dev wan table 7780": 1,
		"-6 route flush table 7780":                        1,
		"route flush table 7780":                           1,
		"route add 192.168.50.0/24 dev lan":                1,
		"rule delete priority 0":                           1,
		"-6 rule delete priority 0":                        1,
		"rule delete priority 32766":                       1,
		"rule flush":                                       1,
		"route add 192.168.50.10 dev wan table 7780":       3,
		"route add prohibit 192.168.50.128/25 table 7780":  1,
		"-6 route add blackhole fd50::10 table 7780":       1,
		"route add default dev wan table 7801":             1,
		"route add blackhole 203.0.113.9 table local":      1,
		"rule add priority 100 lookup main":                3,
		"-6 rule add priority 7780 iif lan prohibit":       1,
		"-6 rule flush":                                    1,
	} {
		t.Run(line, func(t *testing.T) {
			took := make([]time.Duration, 0, runs)
			for range runs {
				b.ip(line)
				begun := clock.Boot()
				testbed.Eventually(t, "all is as before", func() bool { return b.listing() == want })
				back := clock.Boot()
				took = append(took, back-begun-stalls.Within(begun, back))
			}
			slices.Sort(took)
			if p50 := took[runs/2]; runs > 1 && p50 > time.Second {
				t.Errorf("put back after p50 %s, besides stalls of the machine", p50)
			}
		})
	}
	b.expectNoFault(faults)
}

// listing returns the rules, and the routes of traffic interfaces outside the local table.
func (b *bed) listing() string {
	b.t.Helper()
	rules, err := b.kernel.Rules()
	if err != nil {
		b.t.Fatal(err)
	}
	routes, err := b.kernel.Routes()
	if err != nil {
		b.t.Fatal(err)
	}
	var all []string
	for _, r := range rules {
		all = append(all, fmt.Sprintf("%s %+v", r, r))
	}
	for _, r := range routes {
		if r.Table != unix.RT_TABLE_LOCAL || r.Protocol != unix.RTPROT_KERNEL {
			all = append(all, fmt.Sprintf("%s %+v", r, r))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// What the kernel refuses for longer is a fault, and the other family works.
func TestRouteThatTheKernelRefusesIsAFault(t *testing.T) {
	b := newBed(t)
	faults := b.run()
	b.attach()
	b.expectNoFault(faults)
	b.set("net.ipv6.conf.lan.disable_ipv6", "1")
	select {
	case err := <-faults:
		if err == nil || !strings.Contains(err.Error(), "fd50::/64") {
			t.Errorf("the fault is %v", err)
		}
	case <-time.After(testbed.Timeout):
		t.Fatal("there is no fault")
	}
	b.connect(b.lan, b.serve(b.server, serverAddress))
	b.set("net.ipv6.conf.lan.disable_ipv6", "0")
	if err := <-faults; err != nil {
		t.Errorf("the fault stays: %v", err)
	}
}

// Everything is set on an interface that is made again under its name.
func TestInterfaceMadeAgainUnderItsNameGetsItsRoutes(t *testing.T) {
	b := newBed(t)
	b.run()
	b.attach()
	b.ip("link delete wan")
	b.wire("wan", b.server)
	b.server.Link(t, "wan0").Address(serverAddress + "/24").Route(virtualWAN)
	b.set("net.ipv4.conf.wan.forwarding", "1")
	b.attach()
	testbed.Eventually(t, "its routes are back", func() bool {
		return strings.Contains(b.ip("route show table 7780 dev wan"), "203.0.113.0/24")
	})
	b.connect(b.lan, b.serve(b.server, serverAddress))
}

// ICMP errors about forwarded packets, and resets of refused connections, go back to the segment that they came from.
func TestErrorsReturnToTheSegment(t *testing.T) {
	b := newBed(t)
	b.set("net.ipv6.conf.all.forwarding", "1")
	b.run()
	b.attach()
	b.unit.Firewall(b.t, `
table inet refusing {
	chain forward {
		type filter hook forward priority filter;
		tcp dport 81 reject with tcp reset
		tcp dport 82 reject with icmpx admin-prohibited
	}
}
`)
	for _, host := range []string{serverAddress, serverLocal6} {
		for _, port := range []uint16{81, 82} {
			_, err := b.dial(b.lan, netip.AddrPortFrom(netip.MustParseAddr(host), port))
			if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("a connection to port %d of %s: %v", port, host, err)
			}
		}
	}
	b.ip("link set wan mtu 1300")
	for _, host := range []string{serverAddress, serverLocal6} {
		out, err := b.ping(b.lan, host, "-M", "do", "-s", "1352")
		if err == nil || !strings.Contains(out, "mtu") && !strings.Contains(out, "too big") {
			t.Errorf("a large packet to %s: %v, %s", host, err, out)
		}
		out, err = b.ping(b.lan, host, "-t", "1")
		if err == nil || !strings.Contains(out, "exceeded") {
			t.Errorf("a packet to %s with a limit of one hop: %v, %s", host, err, out)
		}
	}
}

// What has no route in the data plane does not leave by the pod's interface, also while the table is empty.
func TestDataPlaneNeverUsesThePodNetwork(t *testing.T) {
	b := newBed(t)
	b.set("net.ipv4.conf.eth0.forwarding", "1")
	b.set("net.ipv6.conf.all.forwarding", "1")
	p := New(Options{Networks: b.networks, Kernel: b.kernel})
	if err := p.Set(); err != nil {
		t.Fatal(err)
	}
	b.attach()
	try := func(when string) {
		t.Helper()
		before := b.sentToPods()
		for _, to := range []string{peerAddress, apiAddress, "198.51.100.7", peerAddress6, "2001:db8:7::7"} {
			if out, err := b.ping(b.lan, to); err == nil {
				t.Errorf("%s: a host on the LAN reaches %s: %s", when, to, out)
			}
		}
		if got := b.sentToPods(); got != before {
			t.Errorf("%s: %s packets left by the pod's interface instead of %s", when, got, before)
		}
	}
	try("with the table")
	b.ip("route flush table 7780")
	b.ip("-6 route flush table 7780")
	try("with an empty table")
}

// sentToPods returns how many packets of the segments' hosts left by the pod's interface.
func (b *bed) sentToPods() string {
	b.t.Helper()
	if b.counting {
		return b.unit.Run(b.t, "nft list counter netdev counting foreign")
	}
	b.counting = true
	b.unit.Firewall(b.t, `
table netdev counting {
	counter foreign { }
	chain egress {
		type filter hook egress device eth0 priority 0;
		ip saddr `+lanHost+` counter name foreign
		ip6 saddr `+lanHost6+` counter name foreign
	}
}
`)
	return b.unit.Run(b.t, "nft list counter netdev counting foreign")
}
