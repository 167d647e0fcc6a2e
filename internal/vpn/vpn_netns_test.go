//go:build netns

package vpn_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/supervisor"
	"github.com/hapair-io/hapair/internal/supervisor/health"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/strongswan"
)

const (
	clientAddress = "192.168.50.10"
	remoteHost    = "10.77.0.1"
	secret        = "correct horse battery staple"
)

// peerConfiguration is what the administrator of the other site writes. The keys of packets have strongSwan's defaults,
// which have no Diffie-Hellman group.
const peerConfiguration = `
connections {
  site {
    version = 2
    local_addrs = 198.51.100.9
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
      }
    }
  }
}
secrets {
  ike-site {
    secret = "` + secret + `"
  }
}
`

var programs string

func TestMain(m *testing.M) {
	os.Exit(testbed.Main(m, func(directory string) { programs = directory }, "../../cmd/firewall", "../../cmd/vpn"))
}

// bed is a client, a unit with the firewall and the IKE daemon, and a peer in a row.
type bed struct {
	*testing.T
	client, unit, far *testbed.Namespace
	directory         string
	vpn               *testbed.Program
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{
		T: t, directory: t.TempDir(), client: testbed.NewNamespace(t, "client"),
		unit: testbed.NewNamespace(t, "unit"), far: testbed.NewNamespace(t, "peer"),
	}
	b.unit.Set(t, "net.ipv4.ip_forward", "1")
	testbed.Wire(t, b.unit, "lan", b.client, "eth0")
	testbed.Wire(t, b.unit, "wan", b.far, "eth0")
	b.unit.Link(t, "lan").Address("192.168.50.1/24")
	b.unit.Link(t, "wan").Address("203.0.113.1/24")
	b.client.Link(t, "eth0").Address(clientAddress + "/24").Route("192.168.50.1")
	b.far.Link(t, "eth0").Address("198.51.100.9/24")
	b.unit.Run(t, "ip route add 198.51.100.0/24 dev wan")
	b.far.Run(t, "ip route add 203.0.113.0/24 dev eth0")
	b.far.Link(t, "lo").Address(remoteHost + "/32")
	b.unit.Run(t, "ip rule add priority 7780 lookup 7780") // The sidecar's rules select this table.
	if err := os.Mkdir(b.path("secret"), 0o700); err != nil {
		t.Fatal(err)
	}
	return b
}

// documentation has examples for sites and for users.
const documentation = "../../docs/vpn.md"

// example returns the configuration with which docs/vpn.md begins.
func example(t *testing.T) string {
	t.Helper()
	return testbed.Examples(t, documentation)[0]
}

func (b *bed) path(name string) string { return filepath.Join(b.directory, name) }

func (b *bed) write(name, text string) {
	b.Helper()
	testbed.Replace(b, b.path(name), text)
}

// start starts the programs of the unit.
func (b *bed) start() {
	b.Helper()
	firewall := b.unit.StartProgram(b, strongswan.InPrivateRun(filepath.Join(programs, "firewall"),
		"--config="+b.path("firewall.json"), "--status="+b.path("status.json"), "--state-socket="))
	b.Cleanup(firewall.Terminate)
	b.vpn = b.unit.StartProgram(b, strongswan.InPrivateRun(filepath.Join(programs, "vpn"), "--log-format=text",
		"--config="+b.path("firewall.json"), "--secret="+b.path("secret"), "--health-socket="+b.path("health"), "--alone"))
	b.Cleanup(b.vpn.Terminate)
}

// health returns the report of the IKE daemon.
func (b *bed) health() supervisor.Report {
	report, err := health.Ask(context.WithoutCancel(b.Context()), b.path("health"))
	if err != nil {
		return supervisor.Report{}
	}
	return report
}

// startPeer starts the peer, with a route to the unit's networks.
func (b *bed) startPeer(configuration string, files map[string]string) *strongswan.Peer {
	b.Helper()
	peer := strongswan.Start(b, b.far, configuration, files)
	b.far.Run(b, "ip route add 192.168.50.0/24 dev ipsec0 src "+remoteHost)
	return peer
}

// exchange sends a text over TCP and gets it back. It reports whether that succeeded.
func exchange(t testing.TB, from, to *testbed.Namespace, address string) bool {
	t.Helper()
	listener := to.ListenTCP(t, net.JoinHostPort(address, "0"))
	defer func() { _ = listener.Close() }()
	served := make(chan struct{})
	go func() {
		defer close(served)
		accepted, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = accepted.Close() }()
		text := make([]byte, 5)
		if _, err := accepted.Read(text); err == nil {
			_, _ = accepted.Write(text)
		}
	}()
	defer func() { <-served }()
	defer func() { _ = listener.Close() }()
	var answer [5]byte
	err := from.Do(func() error {
		dialer := net.Dialer{Timeout: 2 * time.Second}
		connection, err := dialer.Dial("tcp", listener.Addr().String())
		if err != nil {
			return err
		}
		defer func() { _ = connection.Close() }()
		if err := connection.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
			return err
		}
		if _, err := connection.Write([]byte("hello")); err != nil {
			return err
		}
		_, err = connection.Read(answer[:])
		return err
	})
	return err == nil && string(answer[:]) == "hello"
}

func TestTunnelCarriesTCP(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.write("firewall.json", example(t))
	b.start()
	peer := b.startPeer(peerConfiguration, nil)
	testbed.Eventually(t, "the missing entry of the Secret is reported", func() bool {
		return strings.Contains(b.health().Unhealthy(),
			`spec.vpn.siteToSite[0].presharedKey.key: the Secret has no entry "branch"`)
	})
	b.write("secret/branch", secret+"\n")
	testbed.Eventually(t, "TCP passes through the tunnel", func() bool {
		return exchange(t, b.client, b.far, remoteHost)
	})
	if exchange(t, b.far, b.client, clientAddress) {
		t.Error("the peer reached the LAN, which no policy accepts")
	}
	report := b.health()
	if wrong := report.Unhealthy(); wrong != "" || !strings.Contains(report.Daemons[0].Detail, "ESP by ") {
		t.Errorf("got the report %+v", report)
	}
	if sas := peer.Swanctl("--list-sas"); !strings.Contains(sas, "ESTABLISHED") || !strings.Contains(sas, "INSTALLED") {
		t.Errorf("the peer has:\n%s", sas)
	}
	peer.Swanctl("--rekey", "--child", "net")
	testbed.Eventually(t, "the peer has other keys", func() bool {
		return strings.Contains(peer.Swanctl("--list-sas"), "net: #2, reqid 1, INSTALLED")
	})
	if strings.Contains(b.vpn.Log.String(), secret) {
		t.Error("the log has the preshared key")
	}
}
