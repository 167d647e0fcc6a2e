//go:build netns

package firewall_test

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/test/testbed"
)

// The networks behind the routers of a site.
const (
	plantAddress, plantAddress6       = "10.20.0.10", "fd20::10"
	internetAddress, internetAddress6 = "198.51.100.9", "2001:db8:51::9"
	wanRouterBehind, lanRouterBehind  = "198.51.100.1", "10.20.0.1"
)

// site is a bed in which the client is also the router of a second network, the plant, and the server is the router to
// the Internet. The firewall has the data plane's table as the sidecar sets it, and no route to either network.
//
//	plant ── client ── lan firewall wan ── server ── internet
//	                        eth0 ── neighbour
type site struct {
	*bed
	plant, internet *testbed.Namespace
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{bed: newBed(t)}
	s.plant = s.behind("plant", s.client, lanRouterBehind, "fd20::1", plantAddress, plantAddress6)
	s.internet = s.behind("internet", s.server, wanRouterBehind, "2001:db8:51::1", internetAddress, internetAddress6)
	// IPv4 is translated at the WAN. IPv6 is not, so the WAN router needs routes to what is behind the firewall.
	for _, prefix := range []string{"fd50::/64", "fd20::/64"} {
		s.in(s.server, "ip", "route", "add", prefix, "via", wanAddress6)
	}
	s.in(s.firewall, "ip", "route", "add", "default", "via", neighbourAddress)
	s.in(s.firewall, "ip", "-6", "route", "add", "default", "via", "fd00::1")
	s.dataPlane()
	return s
}

// behind adds a host behind a router.
func (s *site) behind(role string, router *testbed.Namespace, near, near6, far, far6 string) *testbed.Namespace {
	s.Helper()
	host := testbed.NewNamespace(s, role)
	testbed.Wire(s, router, "eth1", host, "eth0")
	router.Link(s, "eth1").Address(near + "/24").Address(near6 + "/64")
	host.Link(s, "eth0").Address(far + "/24").Address(far6 + "/64").Route(near).Route(near6)
	s.in(router, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
	return host
}

// dataPlane sets what package dataplane sets in the sidecar.
func (s *site) dataPlane() {
	s.Helper()
	connected := []struct{ family, prefix, name string }{
		{"-4", "192.168.50.0/24", "lan"},
		{"-4", "203.0.113.0/24", "wan"},
		{"-6", "fd50::/64", "lan"},
		{"-6", "2001:db8:113::/64", "wan"},
	}
	for _, c := range connected {
		s.in(s.firewall, "ip", c.family, "route", "del", c.prefix, "dev", c.name)
		s.in(s.firewall, "ip", c.family, "route", "add", c.prefix, "dev", c.name, "table", "7780", "proto", "178")
	}
	for family, own := range map[string]string{"-4": wanAddress, "-6": wanAddress6} {
		rule := []string{"ip", family, "rule", "add", "proto", "178", "priority"}
		icmp := map[string]string{"-4": "icmp", "-6": "ipv6-icmp"}[family]
		for _, selector := range []string{
			"iif lan", "iif wan", "oif lan", "oif wan", "from " + own, "iif lo ipproto " + icmp,
			fmt.Sprintf("fwmark %#x/%#x", contract.DataPlaneMark, contract.DataPlaneMark),
		} {
			s.in(s.firewall, append(append(rule, "7780", "lookup", "7780"), strings.Fields(selector)...)...)
		}
		s.in(s.firewall, "ip", family, "route", "add", "unreachable", "default", "metric", "4294967295", "table", "7780",
			"proto", "178")
	}
}

// siteHead admits everything from the LAN, and a web server on the LAN for the WAN.
const siteHead = head + `
  addresses:
  - {name: inside, members: [192.168.50.0/24, 10.20.0.0/16, "fd50::/64", "fd20::/64"]}
  - {name: plant, members: [10.20.0.0/16, "fd20::/64"]}
  - {name: host, members: [192.168.50.10, "fd50::10"]}
  services:
  - {name: web, protocol: TCP, ports: [80]}
  policies:
  - {name: out, from: [lan], to: [wan], source: [inside], action: Accept}
  - {name: in, from: [wan], to: [lan], destination: [plant], services: [web], action: Accept}
  sourceNAT:
  - {name: out, to: wan, source: [inside], address: 203.0.113.1}
  destinationNAT:
  - {name: plant, from: wan, destination: 203.0.113.1, service: web, toAddress: 10.20.0.10}
`

// siteRoutes are default routes of both families and routes to the plant.
const siteRoutes = `
  routing:
    routes:
    - {name: internet, to: 0.0.0.0/0, via: 203.0.113.9}
    - {name: internet6, to: "::/0", via: "2001:db8:113::9"}
    - {name: plant, to: 10.20.0.0/16, via: 192.168.50.10}
    - {name: plant6, to: "fd20::/64", via: "fd50::10", interface: lan}
`

func TestHostsReachWhatIsBehindTheRouters(t *testing.T) {
	s := newSite(t)
	s.echo(s.internet, ":80")
	s.echo(s.plant, ":80")
	s.apply(siteHead)
	s.mustReject(s.client, internetAddress+":80", syscall.EHOSTUNREACH)
	s.mustReject(s.client, "["+internetAddress6+"]:80", syscall.ENETUNREACH)

	s.apply(siteHead + siteRoutes)
	for _, from := range []*testbed.Namespace{s.client, s.plant} {
		seen, _ := s.mustReach(from, internetAddress+":80")
		if seen.Addr() != netip.MustParseAddr(wanAddress) {
			t.Errorf("the server saw %v, want %s", seen, wanAddress)
		}
		s.mustReach(from, "["+internetAddress6+"]:80")
	}
	seen, _ := s.mustReach(s.internet, wanAddress+":80") // translated to the plant
	if seen.Addr() != netip.MustParseAddr(internetAddress) {
		t.Errorf("the plant saw %v, want %s", seen, internetAddress)
	}
	s.mustReach(s.internet, "["+plantAddress6+"]:80")

	s.apply(siteHead)
	s.mustReject(s.client, internetAddress+":80", syscall.EHOSTUNREACH)
}

// A connection goes on while the document changes around its routes.
func TestUnchangedRoutesStayWhileOthersChange(t *testing.T) {
	s := newSite(t)
	s.echo(s.internet, ":80")
	s.apply(siteHead + siteRoutes)
	before := s.routes("7780")
	open := s.mustDial(s.client, internetAddress+":80")
	s.in(s.firewall, "ip", "-4", "route", "show", "table", "7780")
	monitor := s.monitor()
	s.apply(siteHead + siteRoutes + `
    - {name: unused, to: 10.0.0.0/8, type: Blackhole}
    - {name: unused6, to: "fc00::/7", type: Unreachable}
`)
	s.apply(siteHead + strings.Replace(siteRoutes, "10.20.0.0/16", "10.20.0.0/24", 1))
	for _, line := range strings.Split(monitor(), "\n") {
		if strings.Contains(line, "default via") || strings.Contains(line, "fd20::/64") {
			t.Errorf("an unchanged route was touched: %s", line)
		}
	}
	if _, err := open.exchange("still-here", patience); err != nil {
		t.Error(err)
	}
	after := s.routes("7780")
	if want := strings.Replace(before, "10.20.0.0/16", "10.20.0.0/24", 1); after != want {
		t.Errorf("got:\n%s\nwant:\n%s", after, want)
	}
}

// routes returns the firewall's routes of one table, of both families.
func (s *site) routes(table string) string {
	s.Helper()
	return s.in(s.firewall, "ip", "-4", "route", "show", "table", table, "proto", "179") +
		s.in(s.firewall, "ip", "-6", "route", "show", "table", table, "proto", "179")
}

func TestBlackholeAndPolicyRoutesDecideByZoneAndSource(t *testing.T) {
	s := newSite(t)
	s.echo(s.internet, ":80")
	s.apply(siteHead + siteRoutes + `
    - {name: second, to: 198.51.100.128/25, type: Unreachable}
    policyRoutes:
    - {name: inside, from: [lan], source: [plant], destination: [host], type: Exempt}
    - {name: plant, from: [lan], source: [plant], type: Blackhole}
    - {name: host, from: [lan], source: [host], via: 203.0.113.77}
    - {name: host6, from: [lan], source: [host], via: "fe80::77", interface: wan}
`)
	s.mustDrop(s.plant, internetAddress+":80")
	s.mustDrop(s.plant, "["+internetAddress6+"]:80")
	for _, c := range []struct{ to, from, want string }{
		{"198.51.100.200", "192.168.50.11", "no route to host"},
		{"198.51.100.9", "192.168.50.11", "via 203.0.113.9 dev wan"},
		{"198.51.100.9", "192.168.50.10", "via 203.0.113.77 dev wan"},
		{"192.168.50.10", "10.20.0.10", "dev lan"},
		{internetAddress6, "fd50::11", "via 2001:db8:113::9 dev wan"},
		{internetAddress6, "fd50::10", "via fe80::77 dev wan"},
	} {
		got := s.lookup(c.to, c.from)
		if !strings.Contains(strings.ToLower(got), c.want) {
			t.Errorf("from %s to %s: %s, want %s", c.from, c.to, got, c.want)
		}
	}
	// Packets of the pod's own network follow no policy route, whatever their source.
	own := s.in(s.firewall, "ip", "route", "get", "198.51.100.9", "from", podAddress)
	if !strings.Contains(own, "dev eth0") {
		t.Errorf("from the pod: %s", own)
	}
	s.apply(siteHead + siteRoutes)
	s.mustReach(s.plant, internetAddress+":80")
	for _, family := range []string{"-4", "-6"} {
		if rules := s.in(s.firewall, "ip", family, "rule", "show"); strings.Contains(rules, "proto 179") {
			t.Errorf("rules are left: %s", rules)
		}
		left := s.in(s.firewall, "ip", family, "route", "show", "table", "all", "proto", "179")
		for line := range strings.Lines(left) {
			if !strings.Contains(line, "table 7780") {
				t.Errorf("a route of a policy route is left: %s", line)
			}
		}
	}
}

// lookup returns what the firewall does with a packet that arrives from the LAN.
func (s *site) lookup(to, from string) string {
	s.Helper()
	out, _ := s.firewall.Try("ip route get " + to + " from " + from + " iif lan")
	return out // The command fails if there is no route, and prints so.
}

// What the kernel refuses is reported with its field, and holds back neither the rules nor the other routes.
func TestMissingRouteIsReportedAndHoldsNothingBack(t *testing.T) {
	s := newSite(t)
	s.echo(s.internet, ":80")
	text := siteHead + siteRoutes + `
    - {name: far, to: 10.30.0.0/16, via: 172.16.0.1}
`
	s.write(text)
	s.eventually(func() string { return s.status().Hash }, gomega.Equal(document.Hash([]byte(text))))
	s.mustReach(s.client, internetAddress+":80")
	s.eventually(s.status, gomega.Equal(contract.FirewallStatus{
		Hash: document.Hash([]byte(text)), RoutingError: "spec.routing.routes[4]: next hop 172.16.0.1 is on no network of " +
			"the unit; its interface may be down",
	}))
	s.in(s.firewall, "ip", "route", "add", "172.16.0.0/24", "dev", "lan", "table", "7780", "proto", "178")
	s.eventually(s.status, gomega.Equal(contract.FirewallStatus{Hash: document.Hash([]byte(text))}))

	s.in(s.firewall, "ip", "link", "set", "wan", "down")
	s.eventually(func() string { return s.status().RoutingError }, gomega.ContainSubstring("spec.routing.routes[0]: "))
	s.in(s.firewall, "ip", "link", "set", "wan", "up")
	s.in(s.firewall, "ip", "route", "replace", "203.0.113.0/24", "dev", "wan", "table", "7780", "proto", "178")
	s.in(s.firewall, "ip", "route", "replace", "2001:db8:113::/64", "dev", "wan", "table", "7780", "proto", "178")
	s.eventually(s.status, gomega.Equal(contract.FirewallStatus{Hash: document.Hash([]byte(text))}))
	s.mustReach(s.client, internetAddress+":80")
}

// A restarted program leaves the routes alone, and keeps them again.
func TestRoutesOutliveTheProgram(t *testing.T) {
	s := newSite(t)
	s.echo(s.internet, ":80")
	s.apply(siteHead + siteRoutes)
	s.program.Terminate()
	s.mustReach(s.client, internetAddress+":80")
	monitor := s.monitor()
	s.start()
	s.eventually(func() string { return s.program.Log.String() }, gomega.ContainSubstring("Found a ruleset in force"))
	if touched := monitor(); touched != "" {
		t.Errorf("the restart touched: %s", touched)
	}
	s.in(s.firewall, "ip", "route", "flush", "table", "7780", "proto", "179")
	s.eventually(func() string { return s.lookup(internetAddress, "192.168.50.11") },
		gomega.ContainSubstring("203.0.113.9"))
}

const (
	manyRoutes      = 1000
	manyPolicies    = 4000
	longestChange   = 2 * time.Second
	longestOfLists  = 4 * time.Second
	largestResident = 64 << 20
)

// It prints how long a large document takes, and the memory of the program.
func TestManyRoutesAndPoliciesAreInForceSoon(t *testing.T) {
	const members = 16384 // the most that one object can have
	cases := []struct {
		name string
		// addresses and services are the numbers of objects that the policies share.
		addresses, services int
		address, service    func(i int) string
		longest             time.Duration
	}{
		{
			"shared objects", 40, 10,
			func(i int) string { return fmt.Sprintf("192.168.%d.0/24, \"fd50:%x::/64\"", i, i) },
			func(i int) string { return strconv.Itoa(8000 + i) },
			longestChange,
		},
		{
			"objects of their own", manyPolicies, manyPolicies,
			func(i int) string { return fmt.Sprintf("10.%d.%d.1", i/250, i%250) },
			func(i int) string { return strconv.Itoa(8000 + i) },
			longestChange,
		},
		{
			"lists of their own", manyPolicies, manyPolicies,
			func(i int) string {
				return fmt.Sprintf("10.%d.%d.1, 10.%d.%d.4-10.%d.%d.9", i/250, i%250, i/250, i%250, i/250, i%250)
			},
			func(i int) string { return fmt.Sprintf("%d, %d", 8000+i, 18000+2*i) },
			longestOfLists,
		},
		{
			"the same list under many names", manyPolicies, manyPolicies,
			func(int) string { return "10.1.1.1, 10.2.1.1" },
			func(int) string { return "80, 443" },
			longestChange,
		},
		{
			"a large object", 1, 1,
			func(int) string {
				var all []string
				for i := range members {
					all = append(all, fmt.Sprintf("10.%d.%d.%d", i>>14, i>>7&127, i<<1&255))
				}
				return strings.Join(all, ", ")
			},
			func(int) string { return "80" },
			longestChange,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			s.apply(siteHead)
			var text strings.Builder
			text.WriteString(head + "\n  addresses:\n")
			for i := range c.addresses {
				fmt.Fprintf(&text, "  - {name: a%d, members: [%s]}\n", i, c.address(i))
			}
			text.WriteString("  services:\n")
			for i := range c.services {
				fmt.Fprintf(&text, "  - {name: s%d, protocol: TCP, ports: [%s]}\n", i, c.service(i))
			}
			text.WriteString("  policies:\n")
			for i := range manyPolicies {
				if i > 0 && c.addresses == 1 { // The elements of all policies together are bounded.
					fmt.Fprintf(&text, "  - {name: p%d, from: [lan], to: [wan], services: [s0], action: Accept}\n", i)
					continue
				}
				fmt.Fprintf(&text, "  - {name: p%d, from: [lan], to: [wan], source: [a%d], services: [s%d], action: Accept}\n",
					i, i%c.addresses, i%c.services)
			}
			s.areInForceWithin(c.longest, text.String())
		})
	}
}

// areInForceWithin adds many routes to a document and applies it.
func (s *site) areInForceWithin(longest time.Duration, document string) {
	s.Helper()
	var text strings.Builder
	text.WriteString(document + "  routing:\n    routes:\n")
	for i := range manyRoutes {
		to, via := fmt.Sprintf("10.%d.%d.0/24", i/250, i%250), "203.0.113.9"
		if i%2 == 1 {
			to, via = fmt.Sprintf("fd66:%x::/32", i), "2001:db8:113::9"
		}
		fmt.Fprintf(&text, "    - {name: r%d, to: \"%s\", via: \"%s\"}\n", i, to, via)
	}
	begun := time.Now()
	s.apply(text.String())
	took := time.Since(begun)
	if n := strings.Count(strings.TrimSpace(s.routes("7780")), "\n") + 1; n != manyRoutes {
		s.Errorf("%d routes are in force, want %d", n, manyRoutes)
	}
	memory, err := testbed.MemoryOf(s.program.PID())
	if err != nil {
		s.Fatal(err)
	}
	s.Logf("%d routes and %d policies in force after %s; memory %d MiB, peak %d MiB",
		manyRoutes, manyPolicies, took.Round(time.Millisecond), memory.Resident>>20, memory.Peak>>20)
	if took > longest || memory.Peak > largestResident {
		s.Errorf("want at most %s and %d MiB", longest, largestResident>>20)
	}
}

// monitor records changes of the firewall's routes until the returned function is called.
func (s *site) monitor() (stop func() string) {
	s.Helper()
	const probe = "240.0.0.1"
	var out testbed.Log
	command := exec.Command("ip", "monitor", "route")
	command.Stdout = &out
	if err := s.firewall.Start(command); err != nil {
		s.Fatal(err)
	}
	stopped := false
	stop = func() string {
		if !stopped {
			stopped = true
			_ = command.Process.Kill()
			_ = command.Wait() // reports the kill
		}
		var lines []string
		for line := range strings.Lines(out.String()) {
			if !strings.Contains(line, probe) {
				lines = append(lines, line)
			}
		}
		return strings.Join(lines, "")
	}
	s.Cleanup(func() { stop() })
	s.eventually(func() string { // until it listens
		s.in(s.firewall, "ip", "route", "replace", "blackhole", probe, "table", "99")
		s.in(s.firewall, "ip", "route", "del", "blackhole", probe, "table", "99")
		return out.String()
	}, gomega.ContainSubstring(probe))
	return stop
}
