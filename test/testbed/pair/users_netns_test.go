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
	"github.com/hapair-io/hapair/test/testbed/strongswan"
)

// remoteUsers lets users on the WAN reach the LAN.
const remoteUsers = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - {name: lan, interfaces: [lan0]}
  - {name: wan, interfaces: [wan0]}
  - {name: users, interfaces: [ipsec0]}
  services:
  - {name: ike, protocol: UDP, ports: [500, 4500]}
  policies:
  - {name: tunnels, from: [wan], to: [firewall], services: [ike], action: Accept}
  - {name: users-to-lan, from: [users], to: [lan], action: Accept}
  vpn:
    remoteAccess:
      localAddress: 203.0.113.1
      localIdentity: vpn.example.com
      certificate: {certificate: tls.crt, privateKey: tls.key}
      pools: [10.88.0.0/24]
      localNetworks: [192.168.50.0/24]
      users:
      - {name: alice, password: {key: alice}}
      - {name: bob, password: {key: bob}}
`

// Addresses of users. A pool gives the lowest free one.
const (
	firstUser  = "10.88.0.1"
	secondUser = "10.88.0.2"
)

// userBed is a pair and two users, of whom alice is connected.
type userBed struct {
	*pair.Pair
	t *testing.T
	// office is the host of bob. Alice is at the server.
	office     *testbed.Namespace
	alice, bob *strongswan.User
}

func newUserBed(t *testing.T, replicated ...state.Class) *userBed {
	t.Helper()
	authority := strongswan.NewAuthority(t, "authority.example.com", nil)
	server := authority.Issue(t, "vpn.example.com")
	b := &userBed{t: t}
	b.Pair = pair.New(t, pair.Options{
		Providers: true, Gate: true, Document: remoteUsers, Replicated: replicated,
		VPNSecret: map[string]string{
			"tls.crt": server.CertificatePEM(), "tls.key": server.KeyPEM(t), "alice": "wonderland", "bob": "builder",
		},
	})
	b.office = b.AddWANHost(t, "office")
	b.office.Link(t, "wan0").Address("203.0.113.10/24")
	user := func(n *testbed.Namespace, address, name, password string) *strongswan.User {
		return strongswan.StartUser(t, n, strongswan.Login{
			Address: address, Server: "203.0.113.1", Identity: "vpn.example.com", Authority: authority.CertificatePEM(),
			Name: name, Password: password,
		})
	}
	b.alice = user(b.Server, testbed.ServerAddress, "alice", "wonderland")
	b.bob = user(b.office, "203.0.113.10", "bob", "builder")
	for _, u := range []*pair.Unit{b.Active, b.Standby} {
		testbed.Eventually(t, u.Name+" has loaded remote access", func() bool {
			return strings.Contains(u.VPNLog(), "Loaded tunnel")
		})
	}
	b.connect(b.alice, firstUser)
	return b
}

// connect connects a user, who must get an address.
func (b *userBed) connect(user *strongswan.User, address string) {
	b.t.Helper()
	testbed.Eventually(b.t, "the user is connected", user.Connect)
	if got := user.Address(); got != netip.MustParseAddr(address) {
		b.t.Errorf("the user has the address %s, want %s", got, address)
	}
}

// count starts a TCP connection from the host of a user to the LAN.
func (b *userBed) count(host *testbed.Namespace) *traffic.Trial {
	b.t.Helper()
	return traffic.Start(b.t, traffic.TCP, &testbed.Network{Client: host, Server: b.Client},
		netip.AddrPortFrom(netip.MustParseAddr(testbed.ClientAddress), 0), 5*time.Millisecond)
}

// awaitPassive waits until the standby has the tunnels of users, with their names and addresses.
func (b *userBed) awaitPassive(users ...string) {
	b.t.Helper()
	awaitPassive(b.t, b.Standby, len(users), users...)
}

const (
	aliceThere = "EAP: 'alice' [" + firstUser + "]"
	bobThere   = "EAP: 'bob' [" + secondUser + "]"
)

// TestUserSurvivesLossOfPower has a TCP connection of a user, which goes on after a loss of power and after the way
// back. The user keeps the address, and the new active unit gives others to others.
func TestUserSurvivesLossOfPower(t *testing.T) {
	b := newUserBed(t, state.VPN)
	tcp := b.count(b.Server)
	b.awaitPassive(aliceThere)
	b.Active.Flush() // Unsent changes are lost with the power.
	b.Failover()
	tcp.Continues()
	b.connect(b.bob, secondUser)
	other := b.count(b.office)

	b.Return()
	b.awaitPassive(aliceThere, bobThere)
	b.Switchover()
	tcp.Continues()
	other.Continues()
	b.awaitPassive(aliceThere, bobThere)
	b.bob.Swanctl("--terminate", "--ike", "home")
	b.awaitPassive(aliceThere)
	b.Switchover()
	tcp.Continues()
	b.connect(b.bob, secondUser) // The address is free again, on this unit as well.
	if n := strings.Count(b.alice.Program.Log.String(), "installing new virtual IP"); n != 1 {
		t.Errorf("alice has connected %d times, want once", n)
	}
}

// TestUserWithoutTheClass is the control: the connection stalls, and the new active unit gives the address again.
func TestUserWithoutTheClass(t *testing.T) {
	b := newUserBed(t)
	tcp := b.count(b.Server)
	b.Active.Flush()
	b.Failover()
	if !tcp.Stops(2 * time.Second) {
		t.Error("the connection goes on, so the other test proves nothing")
	}
	b.connect(b.bob, firstUser)
}

// TestUserKeepsAddressAfterNewKeys gives the IKE SA of a user new keys, and then kills the daemon of the standby, which
// gets everything again. It must know the address.
func TestUserKeepsAddressAfterNewKeys(t *testing.T) {
	b := newUserBed(t, state.VPN)
	tcp := b.count(b.Server)
	b.awaitPassive(aliceThere)
	keys := func() string { return firstValue(b.alice.Swanctl("--list-sas", "--raw"), "initiator-spi") }
	before := keys()
	b.alice.Swanctl("--rekey", "--ike", "home")
	testbed.Eventually(t, "the IKE SA has new keys", func() bool { return keys() != before })
	b.Standby.RestartIKEDaemon()
	b.awaitPassive(aliceThere)
	if sas := b.Active.Swanctl("--list-sas"); !strings.Contains(sas, aliceThere) {
		t.Errorf("the active has\n%s", sas)
	}
	b.Active.Flush()
	b.Failover()
	tcp.Continues()
	b.connect(b.bob, secondUser)
}
