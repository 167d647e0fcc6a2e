//go:build netns

package pair_test

import (
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

func TestMain(m *testing.M) { pair.Main(m) }

// connections are one of each kind.
type connections struct {
	tcp, tcp6, udp *testbed.Ticker
	ping           *testbed.Ping
}

func connect(t *testing.T, bed *pair.Pair) connections {
	t.Helper()
	c := connections{
		tcp: bed.TCP(t, testbed.ServerAddress), tcp6: bed.TCP(t, testbed.ServerAddressIPv6),
		udp: bed.UDP(t, testbed.ServerAddress), ping: bed.Ping(t),
	}
	c.ping.Answered()
	if c.tcp.Remote.Addr() != testbed.VirtualWAN.Addr() || c.udp.Remote.Addr() != testbed.VirtualWAN.Addr() {
		t.Errorf("the server sees %s and %s, want %s", c.tcp.Remote, c.udp.Remote, testbed.VirtualWAN.Addr())
	}
	return c
}

func (c connections) goOn() {
	c.tcp.GoesOn()
	c.tcp6.GoesOn()
	c.udp.GoesOn()
	c.ping.Answered()
}

func (c connections) logGaps(t *testing.T, took time.Duration) {
	t.Logf("Handing over took %s; longest gaps: TCP %s, TCP over IPv6 %s, UDP %s", took.Round(time.Microsecond),
		c.tcp.Gap().Round(time.Millisecond), c.tcp6.Gap().Round(time.Millisecond), c.udp.Gap().Round(time.Millisecond))
}

func TestConnectionsOutliveASwitchover(t *testing.T) {
	bed := pair.New(t, pair.Options{})
	c := connect(t, bed)
	bed.ForwardKnownOnly(bed.Standby)
	took := bed.Switchover()
	c.goOn()
	c.logGaps(t, took)
}

func TestConnectionsOutliveLossOfPower(t *testing.T) {
	bed := pair.New(t, pair.Options{})
	c := connect(t, bed)
	bed.Active.Flush() // what is not sent yet when power fails, nobody can have
	bed.ForwardKnownOnly(bed.Standby)
	took := bed.Failover()
	c.goOn()
	c.logGaps(t, took)
}

func TestConnectionsBreakWithoutReplication(t *testing.T) {
	bed := pair.New(t, pair.Options{WithoutReplication: true})
	tcp := bed.TCP(t, testbed.ServerAddress)
	bed.Failover()
	if !tcp.Stands(3 * time.Second) {
		t.Error("the connection goes on although nothing was replicated: this bed proves nothing")
	}
}

func TestConnectionsOutliveManySwitchovers(t *testing.T) {
	bed := pair.New(t, pair.Options{})
	c := connect(t, bed)
	for range 6 {
		bed.ForwardKnownOnly(bed.Standby)
		bed.Switchover()
		c.goOn()
		bed.AwaitSync()
	}
	c.logGaps(t, 0)
}

func TestReturningUnitTakesOverAgain(t *testing.T) {
	bed := pair.New(t, pair.Options{})
	c := connect(t, bed)
	bed.Active.Flush()
	bed.Failover()
	c.goOn()
	bed.Return()
	bed.ForwardKnownOnly(bed.Standby)
	bed.Switchover()
	c.goOn()
}
