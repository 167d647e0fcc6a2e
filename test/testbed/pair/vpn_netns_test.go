//go:build netns

package pair_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/internal/traffic"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
	"github.com/hapair-io/hapair/test/testbed/strongswan"
)

const (
	// tunnelKey is the preshared key, and farHost an address of the other site.
	tunnelKey = "correct horse battery staple"
	farHost   = "10.77.0.1"
)

// tunnelSecret has the key for the tunnels of the document.
var tunnelSecret = map[string]string{"branch": tunnelKey}

// tunnelled connects the LAN with another site. Initiation is who sets the tunnel up.
const tunnelled = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - {name: lan, interfaces: [lan0]}
  - {name: wan, interfaces: [wan0]}
  - {name: branch, interfaces: [ipsec0]}
  addresses:
  - {name: branch-gateway, members: [203.0.113.9]}
  services:
  - {name: ike, protocol: UDP, ports: [500, 4500]}
  policies:
  - {name: tunnels, from: [wan], to: [firewall], source: [branch-gateway], services: [ike], action: Accept}
  - {name: lan-to-branch, from: [lan], to: [branch], action: Accept}
  vpn:
    siteToSite:
    - name: branch
      localAddress: 203.0.113.1
      remoteAddress: 203.0.113.9
      localIdentity: gw.example.com
      remoteIdentity: branch.example.com
      presharedKey: {key: branch}
      localNetworks: [192.168.50.0/24]
      remoteNetworks: [10.77.0.0/24]
      initiation: %s
`

// otherSite is the peer. Without dead peer detection, it never sets the tunnel up again by itself.
const otherSite = `
connections {
  site {
    version = 2
    local_addrs = 203.0.113.9
    remote_addrs = 203.0.113.1
    proposals = aes256gcm16-prfsha384-ecp384
    local {
      auth = psk
      id = branch.example.com
    }
    remote {
      auth = psk
      id = gw.example.com
    }
    children {
      net {
        local_ts = 10.77.0.0/24
        remote_ts = 192.168.50.0/24
        esp_proposals = aes256gcm16-ecp384
      }
    }
  }
}
secrets {
  ike-site {
    secret = "` + tunnelKey + `"
  }
}
`

// tunnelBed is a pair with a tunnel to another site.
type tunnelBed struct {
	*pair.Pair
	t    *testing.T
	peer *strongswan.Peer
	// rekeyed is how often the peer was asked for another IKE SA with new keys.
	rekeyed int
}

// newTunnelBed starts a pair whose tunnel is set up by the peer.
func newTunnelBed(t *testing.T, replicated ...state.Class) *tunnelBed {
	t.Helper()
	return startTunnelBed(t, fmt.Sprintf(tunnelled, "Respond"), replicated...)
}

// startTunnelBed starts a pair with a document, and has the peer set the tunnel up.
func startTunnelBed(t *testing.T, document string, replicated ...state.Class) *tunnelBed {
	t.Helper()
	b := &tunnelBed{t: t}
	b.Pair = pair.New(t, pair.Options{
		Providers: true, Gate: true, Document: document, VPNSecret: tunnelSecret, Replicated: replicated,
	})
	b.Server.Link(t, "lo").Address(farHost + "/32")
	b.peer = strongswan.Start(t, b.Server, otherSite, nil)
	b.Server.Run(t, "ip route add 192.168.50.0/24 dev ipsec0 src "+farHost)
	testbed.Eventually(t, "the active unit has loaded the tunnel", func() bool {
		return strings.Contains(b.Active.VPNLog(), "Loaded tunnel")
	})
	b.peer.Swanctl("--initiate", "--child", "net")
	return b
}

// count starts a TCP connection through the tunnel.
func (b *tunnelBed) count() *traffic.Trial {
	b.t.Helper()
	return traffic.Start(b.t, traffic.TCP, b.Network, netip.AddrPortFrom(netip.MustParseAddr(farHost), 0),
		5*time.Millisecond)
}

// awaitPassive waits until the standby has the tunnel.
func (b *tunnelBed) awaitPassive() {
	b.t.Helper()
	awaitPassive(b.t, b.Standby, 1)
}

// awaitPassive waits until a standby has a number of tunnels, each with its child, and no others. The list of its SAs
// must have all texts.
func awaitPassive(t testing.TB, standby *pair.Unit, count int, texts ...string) {
	t.Helper()
	testbed.Eventually(t, fmt.Sprintf("the standby has %d tunnels with %q", count, texts), func() bool {
		sas := standby.Swanctl("--list-sas")
		for _, text := range texts {
			if !strings.Contains(sas, text) {
				return false
			}
		}
		return strings.Count(sas, "PASSIVE") == count && strings.Count(sas, "INSTALLED") == count
	})
}

// firstValue returns the first value of a name in what swanctl prints with --raw.
func firstValue(raw, name string) string {
	_, rest, _ := strings.Cut(raw, " "+name+"=")
	value, _, _ := strings.Cut(rest, " ")
	return value
}

// spis returns the SPIs of the peer's IKE SA and of its newest child.
func (b *tunnelBed) spis() (ike, child string) {
	b.t.Helper()
	sas := b.peer.Swanctl("--list-sas", "--raw")
	last := func(name string) string {
		fields := strings.Split(sas, " "+name+"=")
		value, _, _ := strings.Cut(fields[len(fields)-1], " ")
		return value
	}
	return last("initiator-spi"), last("spi-in")
}

// awaitNewKeys waits until the new active unit has replaced a child. The peer refuses its packets until then.
func (b *tunnelBed) awaitNewKeys(child string) {
	b.t.Helper()
	testbed.Eventually(b.t, "the child has new keys", func() bool {
		_, now := b.spis()
		return now != child
	})
}

// rekeyBoth gives new keys to the IKE SA and its child, from either end.
func (b *tunnelBed) rekeyBoth() {
	b.t.Helper()
	for _, end := range []struct {
		name, ike, child string
		swanctl          func(...string) string
	}{
		{"the peer", "site", "net", b.peer.Swanctl}, {"the active unit", "branch", "branch", b.Active.Swanctl},
	} {
		testbed.Eventually(b.t, "no keys change", b.hasOneTunnel)
		_, before := b.spis()
		end.swanctl("--rekey", "--child", end.child)
		testbed.Eventually(b.t, "a child has new keys from "+end.name, func() bool {
			_, child := b.spis()
			return child != before && b.hasOneTunnel()
		})
		before, _ = b.spis()
		end.swanctl("--rekey", "--ike", end.ike)
		testbed.Eventually(b.t, "an IKE SA has new keys from "+end.name, func() bool {
			ike, _ := b.spis()
			return ike != before && b.hasOneTunnel()
		})
	}
	b.rekeyed++
}

// hasOneTunnel reports whether the peer has one IKE SA with one child, and no new keys under way. For a while, it also
// has the child with the old keys.
func (b *tunnelBed) hasOneTunnel() bool {
	sas := b.peer.Swanctl("--list-sas")
	return strings.Count(sas, "ESTABLISHED") == 1 && strings.Count(sas, "INSTALLED") == 1 &&
		!strings.Contains(sas, "REKEYING")
}

// wasSetUpOnce fails if the peer has ever set the tunnel up again.
func (b *tunnelBed) wasSetUpOnce() {
	b.t.Helper()
	log := b.peer.Program.Log.String()
	if n := strings.Count(log, "initiating IKE_SA") - b.rekeyed; n != 1 {
		b.t.Errorf("the peer has set the tunnel up %d times, want once", n)
	}
	if strings.Contains(log, "parsed IKE_SA_INIT request") {
		b.t.Error("the pair has set the tunnel up, although it should only respond")
	}
}

// TestTunnelSurvivesLossOfPower has a TCP connection through a tunnel that only the peer can set up. It goes on after a
// loss of power, and after the way back. The peer does not notice, apart from new keys.
func TestTunnelSurvivesLossOfPower(t *testing.T) {
	b := newTunnelBed(t, state.VPN)
	tcp := b.count()
	b.awaitPassive()
	ike, child := b.spis()
	b.Active.Flush() // Unsent changes are lost with the power.
	b.Failover()
	b.awaitNewKeys(child)
	tcp.Continues()
	if now, _ := b.spis(); now != ike {
		t.Error("the peer has another IKE SA")
	}
	b.rekeyBoth()
	tcp.Continues()
	b.Return()
	b.awaitPassive()
	_, child = b.spis()
	b.Switchover()
	b.awaitNewKeys(child)
	tcp.Continues()
	b.rekeyBoth()
	tcp.Continues()
	b.awaitPassive()

	ended := b.Active.StopVPN() // The whole unit is asked to end, and hands over its role meanwhile.
	b.Switchover()
	ended()
	tcp.Continues()
	b.wasSetUpOnce()
}

// TestTunnelWithoutTheClass is the control: the connection stalls, since nobody sets the tunnel up.
func TestTunnelWithoutTheClass(t *testing.T) {
	b := newTunnelBed(t)
	tcp := b.count()
	b.Active.Flush()
	if sas := b.Standby.Swanctl("--list-sas"); strings.TrimSpace(sas) != "" {
		t.Errorf("the standby has\n%s", sas)
	}
	b.Failover()
	if !tcp.Stops(2 * time.Second) {
		t.Error("the connection goes on, so the other test proves nothing")
	}
}

// TestTunnelSurvivesRestartOfDaemon kills the daemon of the standby before a loss of power.
func TestTunnelSurvivesRestartOfDaemon(t *testing.T) {
	b := newTunnelBed(t, state.VPN)
	tcp := b.count()
	b.awaitPassive()
	b.Standby.RestartIKEDaemon()
	b.awaitPassive()
	b.Active.Flush()
	b.Failover()
	tcp.Continues()
	b.wasSetUpOnce()
}
