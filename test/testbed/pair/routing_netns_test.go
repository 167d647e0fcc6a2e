//go:build netns

package pair_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/internal/traffic"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/frr"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// routingVariable is the environment variable that runs the tests of the routing daemons.
const routingVariable = "HAPAIR_ROUTING"

// dynamic is a document whose units route by one protocol. Only traffic to the other router itself is translated. The
// way back of all other traffic depends on the protocol too.
const dynamic = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - {name: lan, interfaces: [lan0]}
  - {name: wan, interfaces: [wan0]}
  policies:
  - {name: out, from: [lan], to: [wan], action: Accept}
  - {name: open, from: [wan], to: [firewall], action: Accept}
  addresses:
  - {name: other-router, members: [203.0.113.9]}
  sourceNAT:
  - {name: direct, to: wan, destination: [other-router], address: 203.0.113.1}
  routing:
    dynamic:
      routerID: 203.0.113.1
`

// routedBy is a protocol, as the document of the pair and the configuration of the other router have it.
type routedBy struct{ name, document, router string }

var (
	byOSPF = routedBy{"OSPF", `
      ospf:
        areas:
        - id: 0.0.0.0
          interfaces:
          - {name: wan0, helloSeconds: 2, deadSeconds: 8}
          - {name: lan0, passive: true}
`, `
interface wan0
 ip ospf area 0
 ip ospf hello-interval 2
 ip ospf dead-interval 8
exit
interface lo
 ip ospf area 0
exit
router ospf
 ospf router-id 203.0.113.9
 capability opaque
 graceful-restart helper enable
exit
`}
	byRIP = routedBy{"RIP", `
      rip:
        interfaces:
        - {name: wan0}
        - {name: lan0, passive: true}
`, `
router rip
 version 2
 network wan0
 network lo
exit
`}
	byBGP = routedBy{"BGP", `
      bgp:
        asn: 65001
        networks: [192.168.50.0/24]
        neighbours:
        - address: 203.0.113.9
          localAddress: 203.0.113.1
          asn: 65002
          accept: [198.18.0.0/15]
          announce: [192.168.50.0/24]
`, `
router bgp 65002
 bgp router-id 203.0.113.9
 bgp graceful-restart
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 203.0.113.1 remote-as 65001
 neighbor 203.0.113.1 timers connect 1
 address-family ipv4 unicast
  network 198.18.5.9/32
 exit-address-family
exit
`}
)

// dynamicPair is a pair with routing daemons, and traffic to a host behind another router. Direct is traffic that needs
// no routing protocol.
type dynamicPair struct {
	routed
	by              routedBy
	router          *frr.Router
	learned, direct *traffic.Trial
}

// newDynamic starts a pair that learns the way to the host from another router, and its traffic. Segments have the
// virtual addresses only: OSPF takes a unit with another address for another router.
func newDynamic(t *testing.T, by routedBy, classes ...state.Class) dynamicPair {
	t.Helper()
	if os.Getenv(routingVariable) == "" {
		t.Skip("it needs the packages of the image routing: run make test-routing")
	}
	root, err := frr.NewRoot(t.TempDir(), "../../..")
	if err != nil {
		t.Fatal(err)
	}
	bed := dynamicPair{by: by, routed: routed{pair.New(t, pair.Options{
		Providers: true, Gate: true, SecondWAN: true, Document: dynamic + by.document, RoutingRoot: root,
		Replicated: classes,
	}), t}}
	bed.Server.Link(t, "lo").Up().Address(learnedHost + "/32")
	bed.Primary.Set(t, "net.ipv4.conf.wan0.promote_secondaries", "1") // The virtual address stays.
	bed.Primary.Link(t, "wan0").WithoutAddress("203.0.113.2/24")
	bed.Secondary.Link(t, "wan0").WithoutAddress("203.0.113.3/24")
	bed.router = frr.Start(t, bed.Server, root, by.router)
	testbed.Eventually(t, "both learn from each other", func() bool {
		return bed.hasLearned() && strings.Contains(bed.Server.Run(t, "ip route"), "192.168.50.0/24 ")
	})
	bed.learned = bed.start(traffic.UDP, learnedHost, time.Millisecond)
	bed.direct = bed.start(traffic.UDP, testbed.ServerAddress, time.Millisecond)
	bed.Active.Flush()
	return bed
}

// hasLearned reports whether the daemons of the active unit have the route, and it holds none.
func (d dynamicPair) hasLearned() bool {
	d.t.Helper()
	routes := d.Active.Router().Run(d.t, "ip route show table 7780")
	return strings.Contains(routes, "198.18.5.9 ") && !strings.Contains(routes, "proto 180")
}

// goesOn waits until the daemons of the active unit have the route and all traffic goes on. It reports whether the
// traffic by the protocol was silent for as long as the other.
func (d dynamicPair) goesOn(when string) bool {
	d.t.Helper()
	testbed.Eventually(d.t, "the daemons have learned the route", d.hasLearned)
	d.learned.Continues()
	d.direct.Continues()
	d.t.Logf("%s: by %s %s without an answer, without a protocol %s", when, d.by.name,
		d.learned.Gap().Round(time.Millisecond), d.direct.Gap().Round(time.Millisecond))
	return d.learned.Gap() <= d.direct.Gap()+100*time.Millisecond
}

// TestRoutingSurvivesLossOfPower has traffic whose ways there and back another router and the pair have told each
// other. The new active holds the routes, and the other router keeps its own while the daemons of the new active start.
func TestRoutingSurvivesLossOfPower(t *testing.T) {
	for _, by := range []routedBy{byOSPF, byRIP, byBGP} {
		t.Run(by.name, func(t *testing.T) {
			bed := newDynamic(t, by, state.DynamicRouting)
			bed.Failover()
			if !bed.goesOn("after the loss of power") {
				t.Error("the traffic waited for the protocol")
			}
			if by == byOSPF && !strings.Contains(bed.router.Show("show ip ospf graceful-restart helper"),
				"Successful graceful restart") {
				t.Error("the other router has not helped")
			}
			bed.Return()
			bed.Switchover()
			if !bed.goesOn("after the way back") {
				t.Error("the traffic waited for the protocol")
			}
		})
	}
}

// TestRoutingWithoutTheClass is the control: the traffic waits for the protocol. It prints for how long.
func TestRoutingWithoutTheClass(t *testing.T) {
	for _, by := range []routedBy{byOSPF, byRIP, byBGP} {
		t.Run(by.name, func(t *testing.T) {
			bed := newDynamic(t, by)
			bed.Failover()
			if bed.goesOn("after the loss of power") {
				t.Error("the traffic did not wait, so the other test proves nothing")
			}
		})
	}
}
