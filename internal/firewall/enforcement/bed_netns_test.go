//go:build netns

package enforcement_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/programs"
)

func TestMain(m *testing.M) {
	namespace.Alone()
	os.Exit(testbed.Main(m, func(directory string) { built = directory }, programs.Paths("../../..")...))
}

// built is the directory with the programs under test.
var built string

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
	*programs.Unit

	client, router, server *testbed.Namespace
	sandboxes              int
}

// newBed returns a bed whose unit does not run yet. Without BPF its gate is of nftables.
func newBed(t *testing.T, withoutBPF, thirdParty bool) *bed {
	t.Helper()
	b := &bed{T: t, Unit: programs.NewUnit(t, programs.Config{
		Built: built, WithoutBPF: withoutBPF, ThirdParty: thirdParty,
		Networks: []contract.Network{
			programs.Network("lan", virtualLAN+"/24"), programs.Network("wan", virtualWAN+"/24"),
		},
	})}
	b.client, b.server = testbed.NewNamespace(t, "client"), testbed.NewNamespace(t, "server")
	b.newSandbox()
	b.Give(policies("first"))
	return b
}

// newActive returns a bed whose unit is active. Without BPF the gate is of nftables.
func newActive(t *testing.T, withoutBPF bool) *bed {
	t.Helper()
	b := newBed(t, withoutBPF, false)
	b.StartFirewall()
	b.StartSidecar()
	b.AwaitActive()
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
	b.Enter(b.router, programs.NewWitness(b))
}

// loseSandbox ends the unit's programs and removes its interfaces. The files of the pod stay.
func (b *bed) loseSandbox() {
	b.Helper()
	b.Sidecar.Kill()
	b.Firewall.Kill()
	b.router.Link(b, "lan").Delete()
	b.router.Link(b, "wan").Delete()
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
