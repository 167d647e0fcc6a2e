//go:build netns

package enforcement_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/testbed"
)

// The programs under test.
var builtFirewall, builtSidecar string

func TestMain(m *testing.M) {
	namespace.Alone()
	os.Exit(testbed.Main(m, func(directory string) {
		builtFirewall, builtSidecar = filepath.Join(directory, "firewall"), filepath.Join(directory, "sidecar")
	}, "../../../cmd/firewall", "../../../cmd/sidecar"))
}

const (
	clientAddress, ownLAN, virtualLAN = "192.0.2.9", "192.0.2.2", "192.0.2.1"
	serverAddress, ownWAN, virtualWAN = "198.51.100.9", "198.51.100.2", "198.51.100.1"
	// The policies allow datagrams to one port.
	allowedPort, forbiddenPort = 5000, 5001
)

// policies returns a document. Two documents of different comments enforce the same policies.
func policies(comment string) string {
	return `{"apiVersion":"hapair.io/v1alpha1","kind":"FirewallConfiguration","spec":{` +
		`"zones":[{"name":"lan","interfaces":["lan"]},{"name":"wan","interfaces":["wan"]}],` +
		`"services":[{"name":"` + comment + `","protocol":"UDP","ports":[5000]}],` +
		`"policies":[{"name":"out","from":["lan"],"to":["wan"],"services":["` + comment + `"],"action":"Accept"}]}}`
}

// bed is a client and a server with a unit between them, without a peer. The unit runs the programs of the release.
type bed struct {
	*testing.T
	client, router, server *testbed.Namespace
	witness                *witness
	// directory has the files of the unit's pod.
	directory string
	// withoutBPF takes the right to load programs from the sidecar, so that it uses the gate of nftables.
	withoutBPF bool
	// thirdParty tells the sidecar that the firewall has an image of its own.
	thirdParty        bool
	sidecar, firewall *testbed.Program
	sandboxes         int
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{T: t, directory: t.TempDir()}
	b.client, b.server = testbed.NewNamespace(t, "client"), testbed.NewNamespace(t, "server")
	b.newSandbox()
	b.write("given.json", policies("first"))
	return b
}

// newActive returns a bed whose unit is active. Without BPF the gate is of nftables.
func newActive(t *testing.T, withoutBPF bool) *bed {
	t.Helper()
	b := newBed(t)
	b.withoutBPF = withoutBPF
	b.startFirewall()
	b.startSidecar()
	b.awaitActive()
	return b
}

// newSandbox makes the network namespace of the unit, as a new sandbox of its pod.
func (b *bed) newSandbox() {
	b.Helper()
	b.sandboxes++
	b.router = testbed.NewNamespace(b, fmt.Sprintf("router%d", b.sandboxes))
	testbed.Wire(b, b.client, "client0", b.router, "lan")
	testbed.Wire(b, b.router, "wan", b.server, "server0")
	b.router.Link(b, "lan").Address(ownLAN + "/24")
	b.router.Link(b, "wan").Address(ownWAN + "/24")
	b.client.Link(b, "client0").Address(clientAddress + "/24").Route(virtualLAN)
	b.server.Link(b, "server0").Address(serverAddress + "/24").Route(virtualWAN)
	var url string
	b.witness, url = newWitness(b, b.router)
	b.write("kubeconfig", `{"apiVersion":"v1","kind":"Config","current-context":"a",`+
		`"contexts":[{"name":"a","context":{"cluster":"a","user":"a"}}],`+
		`"clusters":[{"name":"a","cluster":{"server":"`+url+`"}}],"users":[{"name":"a","user":{}}]}`)
}

// loseSandbox ends the unit's programs and removes its interfaces. The files of the pod stay.
func (b *bed) loseSandbox() {
	b.Helper()
	b.sidecar.Kill()
	b.firewall.Kill()
	b.router.Link(b, "lan").Delete()
	b.router.Link(b, "wan").Delete()
}

func (b *bed) file(name string) string { return filepath.Join(b.directory, name) }

// write replaces a file of the pod.
func (b *bed) write(name, text string) {
	b.Helper()
	next := b.file(name + ".next")
	if err := errors.Join(os.WriteFile(next, []byte(text), 0o600), os.Rename(next, b.file(name))); err != nil {
		b.Fatal(err)
	}
}

func (b *bed) start(command *exec.Cmd) *testbed.Program {
	b.Helper()
	command.Env = append(os.Environ(), "POD_NAMESPACE="+kubernetesNamespace,
		"POD_UID=00000000-0000-0000-0000-000000000001")
	return b.router.StartProgram(b, command)
}

func (b *bed) startFirewall() {
	b.Helper()
	b.firewall = b.start(exec.Command(builtFirewall,
		"--config="+b.file("firewall.json"), "--status="+b.file("firewall-status.json")))
}

func (b *bed) startSidecar() {
	b.Helper()
	settings, err := json.Marshal(contract.Settings{
		Pair: pairName, Namespace: kubernetesNamespace, ThirdPartyFirewall: b.thirdParty,
		Failover: contract.Failover{
			LeaseDurationSeconds: 3, HeartbeatIntervalMilliseconds: 100, MissedHeartbeats: 3, GrantMilliseconds: 450,
			Isolation: contract.IsolationFence, HealthDampingSeconds: 1,
		},
		Networks: []contract.Network{
			{Interface: "lan", VirtualAddresses: []netip.Prefix{netip.MustParsePrefix(virtualLAN + "/24")}},
			{Interface: "wan", VirtualAddresses: []netip.Prefix{netip.MustParsePrefix(virtualWAN + "/24")}},
		},
		Sync: contract.Sync{Classes: []contract.SyncClass{{Name: state.ConnectionCache.String()}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.write("sidecar.json", string(settings))
	arguments := []string{
		builtSidecar, "--unit=primary", "--settings=" + b.file("sidecar.json"), "--tls-dir=" + b.directory,
		"--kubeconfig=" + b.file("kubeconfig"), "--health-bind-address=127.0.0.1:7781", "--state-dir=" + b.directory,
		"--given-document=" + b.file("given.json"), "--firewall-document=" + b.file("firewall.json"),
		"--firewall-status=" + b.file("firewall-status.json"), "--log-format=text",
	}
	if b.withoutBPF {
		arguments = append([]string{"setpriv", "--bounding-set=-bpf,-sys_admin"}, arguments...)
	}
	b.sidecar = b.start(exec.Command(arguments[0], arguments[1:]...))
}

// awaitActive waits until the unit is active.
func (b *bed) awaitActive() {
	b.Helper()
	testbed.Eventually(b, "the unit is active", func() bool { return b.witness.status().Role == "Active" })
}

// nft runs commands of nft on the unit.
func (b *bed) nft(commands string) { b.Helper(); b.router.Firewall(b, commands+"\n") }

// verify compares the unit's table with the ruleset of a document.
func (b *bed) verify(text string) error {
	return b.router.Do(func() error { return nftables.Kernel{}.Verify(compiled(b, text)) })
}

func compiled(t testing.TB, text string) ruleset.Ruleset {
	t.Helper()
	parsed, err := document.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r := plan.Compile(parsed)
	r.Document = document.Hash([]byte(text))
	return r
}
