//go:build netns

package frr_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"

	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/localapi/server"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/internal/supervisor"
	"github.com/hapair-io/hapair/internal/supervisor/health"
	"github.com/hapair-io/hapair/internal/supervisor/lifecycle"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/frr"
)

// otherRouter is what the administrator of the other router writes. It announces one network by each protocol.
const otherRouter = `
interface eth0
 ip ospf area 0
 ip ospf hello-interval 1
 ip ospf dead-interval 40
 ip ospf network point-to-point
exit
interface lo
 ip ospf area 0
exit
router ospf
 ospf router-id 203.0.113.9
 capability opaque
 graceful-restart helper enable
exit
router bgp 65002
 bgp router-id 203.0.113.9
 bgp graceful-restart
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 203.0.113.1 remote-as 65001
 neighbor 203.0.113.1 timers connect 1
 address-family ipv4 unicast
  network 10.88.0.0/24
  network 10.99.0.0/24
 exit-address-family
exit
`

// Addresses of the other router. It announces the first by OSPF, and the networks of the others by BGP. The pair
// accepts the second one.
const (
	byOSPF   = "10.77.0.1"
	byBGP    = "10.88.0.1"
	unwanted = "10.99.0.1"
)

var (
	programs string
	root     frr.Root
)

func TestMain(m *testing.M) {
	os.Exit(testbed.Main(m, func(directory string) {
		programs = directory
		var err error
		if root, err = frr.NewRoot(directory, "../.."); err == nil {
			err = exec.Command("cp", filepath.Join(directory, "routing"), string(root)).Run()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}, "../../cmd/firewall", "../../cmd/routing"))
}

// bed is a client, a unit with the firewall and the routing daemons, and another router in a row.
type bed struct {
	*testing.T
	client, unit, far *testbed.Namespace
	directory         string
	routing           *testbed.Program
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{
		T: t, directory: t.TempDir(), client: testbed.NewNamespace(t, "client"),
		unit: testbed.NewNamespace(t, "unit"), far: testbed.NewNamespace(t, "router"),
	}
	b.unit.Set(t, "net.ipv4.ip_forward", "1")
	b.far.Set(t, "net.ipv4.ip_forward", "1")
	testbed.Wire(t, b.unit, "lan", b.client, "eth0")
	testbed.Wire(t, b.unit, "wan", b.far, "eth0")
	b.unit.Link(t, "lan").Address("192.168.50.1/24")
	b.unit.Link(t, "wan").Address("203.0.113.1/24")
	b.client.Link(t, "eth0").Address("192.168.50.10/24").Route("192.168.50.1")
	b.far.Link(t, "eth0").Address("203.0.113.9/24")
	b.far.Link(t, "lo").Address(byOSPF + "/32")
	b.far.Run(t, "ip link add far type veth peer name other")
	b.far.Run(t, "ip link set far up")
	b.far.Run(t, "ip link set other up")
	b.far.Run(t, "ip address add "+byBGP+"/24 dev far")
	b.unit.Run(t, "ip rule add priority 7780 lookup 7780") // The sidecar's rules select this table.
	return b
}

// example returns the configuration with which docs/routing.md begins, with lines of raw.
func example(t *testing.T, raw string) string {
	t.Helper()
	block := testbed.Examples(t, "../../docs/routing.md")[0]
	// Two routers on a link need not elect one of them. A busy machine may take seconds to restart the daemons.
	const documented, patient = "helloSeconds: 2, deadSeconds: 8", "helloSeconds: 1, deadSeconds: 40"
	if !strings.Contains(block, documented) {
		t.Fatalf("the example in docs/routing.md has no %q", documented)
	}
	block = strings.Replace(block, documented, patient, 1)
	return block + fmt.Sprintf("      raw: %q\n", "interface wan\n ip ospf network point-to-point\nexit\n"+raw)
}

func (b *bed) path(name string) string { return filepath.Join(b.directory, name) }

func (b *bed) write(name, text string) {
	b.Helper()
	testbed.Replace(b, b.path(name), text)
}

// start starts the programs of the unit, which is always active unless the arguments name a socket of a sidecar. The
// directory of the bed is /run of the container.
func (b *bed) start(arguments ...string) {
	b.Helper()
	b.unit.StartProgram(b, exec.Command(filepath.Join(programs, "firewall"),
		"--config="+b.path("firewall.json"), "--status="+b.path("status.json"), "--state-socket="))
	if len(arguments) == 0 {
		arguments = []string{"--alone"}
	}
	b.routing = b.unit.StartProgram(b, root.Command(b.directory, append([]string{
		"/routing", "--log-format=text",
		"--config=/run/firewall.json", "--secret=/run/secret", "--health-socket=/run/health",
	}, arguments...)...))
}

// health returns the report of the routing daemons.
func (b *bed) health() supervisor.Report {
	report, err := health.Ask(context.WithoutCancel(b.Context()), b.path("health"))
	if err != nil {
		return supervisor.Report{}
	}
	return report
}

// secondsOf returns for how long a daemon has run; 0 if it does not.
func (b *bed) secondsOf(name string) float64 {
	for _, d := range b.health().Daemons {
		if d.Name == name && d.Phase == lifecycle.Running {
			return d.Seconds
		}
	}
	return 0
}

// routes returns the data plane's table; an error while it is empty.
func (b *bed) routes() string {
	out, _ := b.unit.Try("ip route show table 7780")
	return out
}

// hasLearned reports whether the unit has the routes of both protocols.
func (b *bed) hasLearned() bool {
	routes := b.routes()
	return strings.Contains(routes, "10.77.0.1 ") && strings.Contains(routes, "proto ospf") &&
		strings.Contains(routes, "10.88.0.0/24 ") && strings.Contains(routes, "proto bgp")
}

// connect reports whether the client reaches an address of the other router by TCP.
func (b *bed) connect(address string) bool {
	b.Helper()
	listener := b.far.ListenTCP(b, net.JoinHostPort(address, "0"))
	defer func() { _ = listener.Close() }()
	return b.client.Do(func() error {
		connection, err := net.DialTimeout("tcp", listener.Addr().String(), 2*time.Second)
		if err != nil {
			return err
		}
		return connection.Close()
	}) == nil
}

func TestRoutesAreLearned(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.write("firewall.json", example(t, ""))
	b.start()
	router := frr.Start(t, b.far, root, otherRouter)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the unit has:\n%s\nthe router has:\n%s", b.routes(), router.Show("show ip ospf neighbor"))
		}
	})
	testbed.Eventually(t, "routes are learned into the data plane's table", b.hasLearned)
	for _, address := range []string{byOSPF, byBGP} {
		testbed.Eventually(t, "the client reaches "+address, func() bool { return b.connect(address) })
	}
	if routes := b.routes(); strings.Contains(routes, unwanted[:len(unwanted)-1]) {
		t.Errorf("a network that no filter accepts was learned:\n%s", routes)
	}
	if routes := b.unit.Run(t, "ip route show table main"); strings.Contains(routes, "proto bgp") {
		t.Errorf("the main table has a learned route:\n%s", routes)
	}
	if wrong := b.health().Unhealthy(); wrong != "" {
		t.Error(wrong)
	}

	before := b.secondsOf("ospfd")
	b.write("firewall.json", example(t, "router ospf\n neighborhood watch\nexit\n"))
	testbed.Eventually(t, "a command that FRR does not know is reported", func() bool {
		return strings.Contains(b.health().Unhealthy(), "Unknown command[43]:  neighborhood watch")
	})
	if !b.hasLearned() || b.secondsOf("ospfd") < before || b.secondsOf("bgpd") == 0 {
		t.Errorf("the refused configuration has changed something: %+v\n%s", b.health(), b.routes())
	}

	// FRR knows this command, and its daemon refuses it.
	b.write("firewall.json", example(t, "router bgp 65009\nexit\n"))
	testbed.Eventually(t, "what a daemon refuses is reported", func() bool {
		if !b.hasLearned() {
			t.Errorf("a learned route is missing:\n%s", b.routes())
		}
		return strings.Contains(b.health().Unhealthy(), "bgpd: ")
	})
	b.write("firewall.json", example(t, ""))
	testbed.Eventually(t, "the earlier configuration is in force", func() bool {
		return b.health().Unhealthy() == "" && b.secondsOf("bgpd") > 0
	})
	testbed.Eventually(t, "packets pass with the earlier configuration", func() bool {
		return b.hasLearned() && b.connect(byOSPF) && b.connect(byBGP)
	})
}

// startSidecar serves the local API of a standby.
func (b *bed) startSidecar() *server.Server {
	b.Helper()
	directory := b.path("providers")
	if err := os.MkdirAll(filepath.Join(directory, contract.ProviderRouting), 0o700); err != nil {
		b.Fatal(err)
	}
	s := server.New(server.Config{
		Pair: "edge", Namespace: "default", Unit: contract.Primary, Directory: directory,
		Providers: []contract.Provider{{Name: contract.ProviderRouting}}, Catalogue: state.Classes(),
		Tables: table.NewSet(state.Classes(), clock.Boot),
		Flush:  func(context.Context, state.Class) error { return nil }, IsPeerInSync: func() bool { return true },
		Log: testr.New(b.T),
	})
	s.Become(localapi.Standby, 1)
	testbed.Background(b, s.Run)
	return s
}

// TestOnlyTheActiveHasNeighbours moves the role of a unit. The standby checks its configuration nevertheless.
func TestOnlyTheActiveHasNeighbours(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	sidecar := b.startSidecar()
	b.write("firewall.json", example(t, "neighborhood watch\n"))
	b.start("--state-socket=" + server.SocketOf("/run/providers", contract.ProviderRouting))
	router := frr.Start(t, b.far, root, otherRouter)
	testbed.Eventually(t, "the standby reports a command that FRR does not know", func() bool {
		return strings.Contains(b.health().Unhealthy(), "neighborhood watch")
	})
	b.write("firewall.json", example(t, ""))
	testbed.Eventually(t, "the standby has accepted the configuration", func() bool {
		return b.health().Unhealthy() == "" && strings.Contains(b.routing.Log.String(), "Accepted configuration")
	})
	if report := b.health(); len(report.Daemons) != 1 || report.Daemons[0].Name != "routing" {
		t.Errorf("the standby runs daemons: %+v", report)
	}
	if out := router.Show("show ip ospf neighbor"); strings.Contains(out, "203.0.113.1") {
		t.Errorf("the standby is a neighbour:\n%s", out)
	}
	sidecar.Become(localapi.Active, 2)
	testbed.Eventually(t, "the active has learned routes", b.hasLearned)
	sidecar.Become(localapi.Standby, 3)
	testbed.Eventually(t, "the standby has no daemons and no routes of its own", func() bool {
		return len(b.health().Daemons) == 1 && !strings.Contains(b.routes(), "proto")
	})
}
