//go:build netns

package pair_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/internal/traffic"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

func TestMain(m *testing.M) { pair.Main(m) }

// connections has one connection of each kind.
type connections struct {
	tcp, tcp6, udp *traffic.Trial
	ping           *testbed.Ping
}

// count opens a connection on which the client counts.
func count(t *testing.T, bed *pair.Pair, kind traffic.Kind, server string) *traffic.Trial {
	t.Helper()
	return traffic.Start(t, kind, bed.Network, netip.AddrPortFrom(netip.MustParseAddr(server), 0), 5*time.Millisecond)
}

func connect(t *testing.T, bed *pair.Pair) connections {
	t.Helper()
	c := connections{
		tcp: count(t, bed, traffic.TCP, testbed.ServerAddress), tcp6: count(t, bed, traffic.TCP, testbed.ServerAddressIPv6),
		udp: count(t, bed, traffic.UDP, testbed.ServerAddress), ping: bed.Ping(t),
	}
	c.ping.Answered()
	if c.tcp.Client().Addr() != testbed.VirtualWAN.Addr() || c.udp.Client().Addr() != testbed.VirtualWAN.Addr() {
		t.Errorf("the server sees %s and %s, want %s", c.tcp.Client(), c.udp.Client(), testbed.VirtualWAN.Addr())
	}
	return c
}

func (c connections) continueAll() {
	c.tcp.Continues()
	c.tcp6.Continues()
	c.udp.Continues()
	c.ping.Answered()
}

func (c connections) logGaps(t *testing.T, took time.Duration) {
	t.Logf("The switchover took %s; longest gaps: TCP %s, TCP over IPv6 %s, UDP %s", took.Round(time.Microsecond),
		c.tcp.Gap().Round(time.Millisecond), c.tcp6.Gap().Round(time.Millisecond), c.udp.Gap().Round(time.Millisecond))
}

func TestConnectionsSurviveASwitchover(t *testing.T) {
	bed := pair.New(t, pair.Options{})
	c := connect(t, bed)
	bed.ForwardKnownOnly(bed.Standby)
	took := bed.Switchover()
	c.continueAll()
	c.logGaps(t, took)
}

func TestConnectionsSurviveLossOfPower(t *testing.T) {
	bed := pair.New(t, pair.Options{})
	c := connect(t, bed)
	bed.Active.Flush() // unsent changes are lost with the power
	bed.ForwardKnownOnly(bed.Standby)
	took := bed.Failover()
	c.continueAll()
	c.logGaps(t, took)
}

func TestConnectionsBreakWithoutReplication(t *testing.T) {
	bed := pair.New(t, pair.Options{WithoutReplication: true})
	tcp := count(t, bed, traffic.TCP, testbed.ServerAddress)
	bed.Failover()
	if !tcp.Stops(3 * time.Second) {
		t.Error("the connection continues without replication, so the other tests prove nothing")
	}
}

func TestConnectionsSurviveManySwitchovers(t *testing.T) {
	bed := pair.New(t, pair.Options{})
	c := connect(t, bed)
	for range 6 {
		bed.ForwardKnownOnly(bed.Standby)
		bed.Switchover()
		c.continueAll()
		bed.AwaitSync()
	}
	c.logGaps(t, 0)
}

func TestReturningUnitTakesOverAgain(t *testing.T) {
	bed := pair.New(t, pair.Options{})
	c := connect(t, bed)
	bed.Active.Flush()
	bed.Failover()
	c.continueAll()
	bed.Return()
	bed.ForwardKnownOnly(bed.Standby)
	bed.Switchover()
	c.continueAll()
}
