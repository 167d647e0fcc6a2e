//go:build netns

package pair_test

import (
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/internal/traffic"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// unadvertised is a document without router advertisements, and advertised has some. Their interval is long, so that no
// advertisement of the test is a regular one. The second one comes 16 s after the first.
const (
	unadvertised = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - {name: lan, interfaces: [lan0]}
  - {name: wan, interfaces: [wan0]}
  policies:
  - {name: out, from: [lan], to: [wan], action: Accept}
`
	advertised = unadvertised + `
  routerAdvertisements:
    networks:
    - interface: lan0
      address: fe80::1
      preference: High
      intervalSeconds: 1800
      mtu: 1400
      prefixes: [{prefix: fd50::/64, validSeconds: 7200, preferredSeconds: 3600}]
      dnsServers: ["fd50::53", "2001:db8::53"]
      searchDomains: [example.com, lab.example]
`
)

// advertisedHost is the client of a network, which finds its router by itself.
type advertisedHost struct {
	*testbed.Namespace
	t      *testing.T
	routes testbed.Log // what happens to its routes
}

// newAdvertisedHost makes the client such a host.
func newAdvertisedHost(t *testing.T, client *testbed.Namespace) *advertisedHost {
	t.Helper()
	h := &advertisedHost{Namespace: client, t: t}
	client.Link(t, "lan0").Down()
	for name, value := range map[string]string{"accept_ra": "1", "autoconf": "1", "accept_dad": "0"} {
		client.Set(t, "net.ipv6.conf.lan0."+name, value)
	}
	monitor := exec.Command("ip", "-6", "monitor", "route")
	monitor.Stdout = &h.routes
	client.StartProgram(t, monitor)
	client.Link(t, "lan0").Up() // The host loses its own addresses, and asks for a router.
	testbed.Eventually(t, "the host has a router and an address", func() bool {
		return h.hasRouter() && strings.Contains(h.Run(t, "ip -6 address show dev lan0 scope global"), "inet6 fd50:")
	})
	// A router asks for no neighbour until its own link-local address has passed duplicate address detection.
	testbed.Eventually(t, "the host reaches the server", func() bool {
		_, err := client.Try("ping -6 -c 1 -W 1 " + testbed.ServerAddressIPv6)
		return err == nil
	})
	return h
}

// hasRouter reports whether the host has the pair as its only default router.
func (h *advertisedHost) hasRouter() bool {
	h.t.Helper()
	routes := strings.Split(strings.TrimSpace(h.Run(h.t, "ip -6 route show default")), "\n")
	return len(routes) == 1 && strings.HasPrefix(routes[0], "default via fe80::1 dev lan0 proto ra ")
}

// keptRouter fails if the host has lost its router at any time.
func (h *advertisedHost) keptRouter(when string) {
	h.t.Helper()
	if !h.hasRouter() || h.lostRouter() {
		h.t.Errorf("%s, the host has the routes\n%s\nafter\n%s", when, h.Run(h.t, "ip -6 route show"), &h.routes)
	}
}

// lostRouter reports whether the host has lost a default router at any time.
func (h *advertisedHost) lostRouter() bool {
	return strings.Contains(h.routes.String(), "Deleted default")
}

// heard returns how many router advertisements the host has received.
func (h *advertisedHost) heard() (count int) {
	h.t.Helper()
	for line := range strings.Lines(h.Run(h.t, "cat /proc/net/dev_snmp6/lan0")) {
		if fields := strings.Fields(line); fields[0] == "Icmp6InRouterAdvertisements" {
			count, _ = strconv.Atoi(fields[1])
		}
	}
	return count
}

// TestHostsKeepTheirRouter has a host that gets its address and router from the active unit, and a connection. Both
// stay through a loss of power and a switchover. When the document has no advertisements, the host forgets the router.
func TestHostsKeepTheirRouter(t *testing.T) {
	bed := pair.New(t, pair.Options{Providers: true, Gate: true, LinkLocal: true, Document: advertised})
	host := newAdvertisedHost(t, bed.Client)
	tcp := traffic.Start(t, traffic.TCP, bed.Network,
		netip.AddrPortFrom(netip.MustParseAddr(testbed.ServerAddressIPv6), 0), 5*time.Millisecond)
	bed.Active.Flush() // Unsent changes are lost with the power.
	heard := host.heard()
	bed.Failover()
	tcp.Continues()
	testbed.Eventually(t, "the new active advertises", func() bool { return host.heard() > heard })
	host.keptRouter("after the loss of power")
	bed.Return()
	heard = host.heard()
	bed.Switchover()
	tcp.Continues()
	testbed.Eventually(t, "the first unit advertises again", func() bool { return host.heard() > heard })
	host.keptRouter("after the switchover")
	bed.Active.Enforce(unadvertised)
	testbed.Eventually(t, "the host forgets the router", func() bool { return !host.hasRouter() && host.lostRouter() })
}

// TestAdvertisementsAreRead has rdisc6 ask for an advertisement and print it. The answer comes before the second
// regular one, from the active unit.
func TestAdvertisementsAreRead(t *testing.T) {
	bed := pair.New(t, pair.Options{Providers: true, Gate: true, LinkLocal: true, Document: advertised})
	host := newAdvertisedHost(t, bed.Client)
	text := host.Run(t, "rdisc6 --single --retry 3 --wait 3000 lan0")
	text = strings.Join(strings.Fields(text), " ")
	for _, want := range []string{
		"Hop limit : 64", "Stateful address conf. : No", "Stateful other conf. : No", "Router preference : high",
		"Router lifetime : 5400", "Prefix : fd50::/64", "On-link : Yes", "Autonomous address conf.: Yes",
		"Valid time : 7200", "Pref. time : 3600", "MTU : 1400",
		"Recursive DNS server : fd50::53 Recursive DNS server : 2001:db8::53 DNS servers lifetime : 5400",
		"DNS search list : example.com lab.example DNS search list lifetime: 5400",
		"Source link-layer address: " + strings.ToUpper(bed.Primary.Link(t, "lan0").MAC().String()), "from fe80::1",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("rdisc6 does not print %q, but\n%s", want, text)
		}
	}
}
