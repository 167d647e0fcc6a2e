//go:build netns

package pair_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// TestTunnelSurvivesManyChanges moves the role again and again. In between, keys change, and the daemon of the standby
// is started again.
func TestTunnelSurvivesManyChanges(t *testing.T) {
	if os.Getenv(longVariable) == "" {
		t.Skip("it takes minutes: run make test-tunnels")
	}
	b := newTunnelBed(t, state.VPN)
	tcp := b.count()
	for range 10 {
		b.awaitPassive()
		b.Active.Flush()
		b.Failover()
		tcp.Continues()
		b.rekeyBoth()
		b.Return()
		b.awaitPassive()
		b.Standby.RestartIKEDaemon()
		b.awaitPassive()
		b.Switchover()
		tcp.Continues()
		b.rekeyBoth()
	}
	b.wasSetUpOnce()
}

// childOf returns the SPI of the only child at the standby, in the direction to the pair.
func childOf(standby *pair.Unit) string {
	return firstValue(standby.Swanctl("--list-sas", "--raw"), "spi-in")
}

// TestTunnelSurvivesLossOfSession has keys that change while the units cannot reach each other. Once they can, the
// standby gets what it has missed, before the active loses its power.
func TestTunnelSurvivesLossOfSession(t *testing.T) {
	b := newTunnelBed(t, state.VPN)
	tcp := b.count()
	b.awaitPassive()
	before := childOf(b.Standby)
	b.Primary.Link(t, "sync0").Down()
	b.Standby.Await("PeerDisconnected")
	b.rekeyBoth()
	if now := childOf(b.Standby); now != before {
		t.Error("the standby has new keys without a session, so the test proves nothing")
	}
	b.Primary.Link(t, "sync0").Up()
	testbed.Eventually(t, "the standby has other keys", func() bool { return childOf(b.Standby) != before })
	b.awaitPassive()
	b.AwaitSync()
	b.Active.Flush()
	b.Failover()
	tcp.Continues()
	b.wasSetUpOnce()
}

// TestTunnelSurvivesDetectionWithoutSession has an active unit that asks the peer whether it lives, while the units
// cannot reach each other. That changes the message ID, and nothing else.
func TestTunnelSurvivesDetectionWithoutSession(t *testing.T) {
	if os.Getenv(longVariable) == "" {
		t.Skip("it takes ten seconds: run make test-tunnels")
	}
	b := startTunnelBed(t, fmt.Sprintf(tunnelled, "Respond\n      deadPeerSeconds: 2"), state.VPN)
	b.awaitPassive()
	b.Primary.Link(t, "sync0").Down()
	b.Standby.Await("PeerDisconnected")
	const detection = "parsed INFORMATIONAL response"
	asked := strings.Count(b.Active.VPNLog(), detection)
	testbed.Eventually(t, "the active unit has asked the peer", func() bool {
		return strings.Count(b.Active.VPNLog(), detection) > asked
	})
	tcp := b.count() // While packets arrive, the unit does not ask again.
	b.Primary.Link(t, "sync0").Up()
	b.Active.Await("PeerConnected")
	b.AwaitSync()
	_, child := b.spis()
	b.Active.Flush()
	b.Failover()
	b.awaitNewKeys(child)
	tcp.Continues()
	b.wasSetUpOnce()
}
