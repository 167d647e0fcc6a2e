//go:build netns

package firewall_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/testbed"
)

// The hosts of the testbed. The server has no default route, so it only answers addresses of its own network.
const (
	clientAddress, clientAddress6 = "192.168.50.10", "fd50::10"
	serverAddress, serverAddress6 = "203.0.113.9", "2001:db8:113::9"
	lanAddress, lanAddress6       = "192.168.50.1", "fd50::1"
	wanAddress, wanAddress6       = "203.0.113.1", "2001:db8:113::1"
	podAddress, neighbourAddress  = "10.244.0.2", "10.244.0.1"
)

// head begins every document of these tests.
const head = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - {name: lan, interfaces: [lan]}
  - {name: wan, interfaces: [wan]}
`

// bed is a client, a firewall and a server in a row, and a neighbour on the firewall's own network, eth0.
type bed struct {
	*testing.T
	client, firewall, server, neighbour *testbed.Namespace
	directory                           string
	program                             *testbed.Program
}

// builtFirewall is the path of the program under test.
var builtFirewall string

func TestMain(m *testing.M) {
	os.Exit(testbed.Main(m, func(directory string) {
		builtFirewall = filepath.Join(directory, "firewall")
	}, "../../cmd/firewall"))
}

// newBed connects the hosts and starts the firewall without a document.
func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{
		T: t, directory: t.TempDir(), client: testbed.NewNamespace(t, "client"),
		firewall: testbed.NewNamespace(t, "fw"), server: testbed.NewNamespace(t, "server"),
		neighbour: testbed.NewNamespace(t, "pod"),
	}
	b.in(b.firewall, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
	b.wire("lan", lanAddress+"/24", lanAddress6+"/64", b.client, clientAddress+"/24", clientAddress6+"/64")
	b.wire("wan", wanAddress+"/24", wanAddress6+"/64", b.server, serverAddress+"/24", serverAddress6+"/64")
	b.wire("eth0", podAddress+"/24", "fd00::2/64", b.neighbour, neighbourAddress+"/24", "fd00::1/64")
	b.client.Link(t, "eth0").Route(lanAddress).Route(lanAddress6)
	b.neighbour.Link(t, "eth0").Route(podAddress)
	b.start()
	return b
}

func (b *bed) wire(name, near, near6 string, host *testbed.Namespace, far, far6 string) {
	b.Helper()
	testbed.Wire(b, b.firewall, name, host, "eth0")
	b.firewall.Link(b, name).Address(near).Address(near6)
	host.Link(b, "eth0").Address(far).Address(far6)
	if name != "eth0" {
		b.firewall.Set(b, "net.ipv4.conf."+name+".accept_local", "1") // As the gate does.
	}
}

// in runs a command on a host.
func (b *bed) in(host *testbed.Namespace, args ...string) string {
	b.Helper()
	out, err := host.Command(exec.Command(args[0], args[1:]...))
	if err != nil {
		b.Fatalf("%s on %s: %v\n%s", strings.Join(args, " "), host.Name, err, out)
	}
	return out
}

// start runs the firewall with the flags of a pod, until the test ends or the program is terminated. It waits until the
// firewall enforces something.
func (b *bed) start() {
	b.Helper()
	command := exec.Command(builtFirewall, "--config="+b.document(), "--status="+b.statusFile(), "--state-socket=")
	p := b.firewall.StartProgram(b, command)
	b.Cleanup(p.Terminate)
	b.program = p
	b.eventually(func() error {
		_, err := b.firewall.Command(exec.Command("nft", "list", "chain", "inet", "hapair", "forward"))
		return err
	}, gomega.Succeed())
}

func (b *bed) document() string   { return filepath.Join(b.directory, "firewall.json") }
func (b *bed) statusFile() string { return filepath.Join(b.directory, "status.json") }

// write mounts a document.
func (b *bed) write(text string) {
	b.Helper()
	testbed.Replace(b, b.document(), text)
}

// apply mounts a document and waits until it is in force.
func (b *bed) apply(text string) {
	b.Helper()
	b.write(text)
	b.eventually(b.status, gomega.Equal(contract.FirewallStatus{Hash: document.Hash([]byte(text))}))
}

// status returns what the firewall reports, without the counts, which follow later.
func (b *bed) status() (status contract.FirewallStatus) {
	data, err := os.ReadFile(b.statusFile())
	if err != nil {
		return status
	}
	if err := json.Unmarshal(data, &status); err != nil {
		b.Errorf("the status %q: %v", data, err)
	}
	status.Multicast, status.Names, status.DHCP = contract.MulticastCounts{}, contract.NameCounts{}, contract.DHCPCounts{}
	status.DNS = contract.DNSCounts{}
	status.Links = nil
	return status
}

func (b *bed) eventually(actual any, matcher gomega.OmegaMatcher) {
	b.Helper()
	gomega.NewWithT(b).Eventually(actual, 15*time.Second, 5*time.Millisecond).Should(matcher)
}

func at(host *testbed.Namespace) string { return namespace.Named(host.Name) }
