//go:build netns

package pair_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/internal/traffic"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// A host of a network behind the server. Only a routing protocol knows the way to it.
const (
	learnedHost     = "198.18.5.9"
	learnedHostIPv6 = "fd18::9"
)

// routed is a pair whose active has learned the way to a network.
type routed struct {
	*pair.Pair
	t testing.TB
}

func newRouted(t testing.TB, classes ...state.Class) routed {
	t.Helper()
	bed := routed{pair.New(t, pair.Options{
		Providers: true, Gate: true, SecondWAN: true, Document: unadvertised + `
  sourceNAT:
  - {name: out, to: wan, address: 203.0.113.1}
`, Replicated: classes,
	}), t}
	bed.Server.Link(t, "lo").Up().Address(learnedHost + "/32").Address(learnedHostIPv6 + "/128")
	bed.learn()
	bed.Active.Flush()
	return bed
}

// learn adds the routes, as a routing protocol of the active unit does.
func (r routed) learn() {
	r.t.Helper()
	for _, line := range []string{
		"ip route replace 198.18.5.0/24 via 203.0.113.9 dev wan0 onlink table 7780 proto ospf metric 20",
		"ip -6 route replace fd18::/64 via 2001:db8:113::9 dev wan0 table 7780 proto ospf metric 20",
	} {
		r.Active.Router().Run(r.t, line)
	}
}

// held returns the held routes of a unit.
func (r routed) held(u *pair.Unit) string {
	r.t.Helper()
	return u.Router().Run(r.t, "ip route show table 7780 proto 180") +
		u.Router().Run(r.t, "ip -6 route show table 7780 proto 180")
}

// start opens a connection to a host.
func (r routed) start(kind traffic.Kind, host string, interval time.Duration) *traffic.Trial {
	r.t.Helper()
	return traffic.Start(r.t, kind, r.Network, netip.AddrPortFrom(netip.MustParseAddr(host), 0), interval)
}

// TestLearnedRoutesSurviveLossOfPower has connections to a network that a routing protocol has found. They continue
// through a loss of power and the way back, and are silent for as long as a connection to a neighbour. When the new
// active's protocol has found the network, its route replaces the held one. What is withdrawn leaves the standby.
func TestLearnedRoutesSurviveLossOfPower(t *testing.T) {
	bed := newRouted(t, state.DynamicRouting)
	tcp := []*traffic.Trial{
		bed.start(traffic.TCP, learnedHost, 5*time.Millisecond), bed.start(traffic.TCP, learnedHostIPv6, 5*time.Millisecond),
	}
	learned := bed.start(traffic.UDP, learnedHost, time.Millisecond)
	direct := bed.start(traffic.UDP, testbed.ServerAddress, time.Millisecond)
	bed.Active.Flush() // Unsent changes are lost with the power.
	goOn := func(when string) {
		t.Helper()
		for _, connection := range append(tcp, learned, direct) {
			connection.Continues()
		}
		t.Logf("%s: by the learned route %s without an answer, to a neighbour %s", when, learned.Gap(), direct.Gap())
		if learned.Gap() > direct.Gap()+100*time.Millisecond {
			t.Errorf("%s, %s without an answer by the learned route, and %s to a neighbour", when, learned.Gap(), direct.Gap())
		}
	}
	bed.Failover()
	goOn("after the loss of power")
	if got := bed.held(bed.Active); !strings.Contains(got, "198.18.5.0/24") || !strings.Contains(got, "fd18::/64") {
		t.Errorf("the new active holds %q", got)
	}
	bed.learn()
	testbed.Eventually(t, "the protocol's routes replace the held ones", func() bool { return bed.held(bed.Active) == "" })
	goOn("after the protocol has converged")
	bed.Return()
	if got := bed.held(bed.Standby); !strings.Contains(got, "198.18.5.0/24") || !strings.Contains(got, "fd18::/64") {
		t.Errorf("the unit that has returned holds %q", got)
	}
	bed.Switchover()
	goOn("after the way back")
	bed.AwaitSync()
	bed.learn()
	if bed.Active.Flush(); bed.held(bed.Standby) == "" {
		t.Error("the second unit holds nothing as the standby")
	}
	for _, family := range []string{"-4", "-6"} {
		bed.Active.Router().Run(t, "ip "+family+" route flush table 7780 proto ospf")
	}
	if bed.Active.Flush(); bed.held(bed.Standby) != "" {
		t.Errorf("after the withdrawal, the standby holds %q", bed.held(bed.Standby))
	}
}

// TestLearnedRoutesWithoutTheClass is the control: the connection ends with the unit that has learned the way.
func TestLearnedRoutesWithoutTheClass(t *testing.T) {
	bed := newRouted(t)
	tcp := bed.start(traffic.TCP, learnedHost, 5*time.Millisecond)
	bed.Active.Flush()
	bed.Failover()
	if !tcp.Stops(time.Second) {
		t.Error("the connection continues without its route, so the other test proves nothing")
	}
}
