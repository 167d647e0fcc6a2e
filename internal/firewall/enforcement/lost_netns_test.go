//go:build netns

package enforcement_test

import (
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/programs"
)

// IPv6 addresses of the bed.
const (
	clientAddress6, ownLAN6, virtualLAN6 = "2001:db8:1::9", "2001:db8:1::2", "2001:db8:1::1"
	ownWAN6, virtualWAN6                 = "2001:db8:2::2", "2001:db8:2::1"
)

// newDualStack returns an active unit with addresses of both families, which its client may ping.
func newDualStack(t *testing.T) *bed {
	t.Helper()
	b := &bed{T: t, Unit: programs.NewUnit(t, programs.Config{
		Built: built,
		Networks: []contract.Network{
			programs.Network("lan", virtualLAN+"/24", virtualLAN6+"/64"),
			programs.Network("wan", virtualWAN+"/24", virtualWAN6+"/64"),
		},
	})}
	b.client, b.server = testbed.NewNamespace(t, "client"), testbed.NewNamespace(t, "server")
	b.newSandbox()
	b.router.Set(t, "net.ipv6.conf.all.forwarding", "1")
	b.router.Run(t, "ip address add "+ownLAN6+"/64 dev lan nodad")
	b.router.Run(t, "ip address add "+ownWAN6+"/64 dev wan nodad")
	b.client.Link(t, "client0").Address(clientAddress6 + "/64")
	b.Give(strings.Replace(policies("first"), `"policies":[`,
		`"policies":[{"name":"ping","from":["lan"],"to":["firewall"],"action":"Accept"},`, 1))
	b.StartFirewall()
	b.StartSidecar()
	b.AwaitActive()
	return b
}

// Addresses of the unit and of the pair, their local routes, and rules of the kernel are removed from the active, one
// after the other. Each time its client reaches all of its addresses again, the network behind it too, and the role
// stays. In particular, the kernel itself removes IPv6 addresses from an interface that goes down.
func TestLostAddressesLocalRoutesAndRulesAreBackOnTheActive(t *testing.T) {
	b := newDualStack(t)
	s := b.stream(allowedPort)
	reached := func() bool {
		for _, address := range []string{virtualLAN, virtualLAN6, ownLAN, ownLAN6} {
			if _, err := b.client.Try("ping -n -c 1 -W 1 " + address); err != nil {
				return false
			}
		}
		return true
	}
	testbed.Eventually(t, "all addresses are reached", reached)
	term := b.Status().Term
	for _, lines := range [][]string{
		{"address del " + virtualLAN + "/24 dev lan"},
		{"address del " + ownLAN + "/24 dev lan"},
		{"address del " + ownLAN6 + "/64 dev lan"},
		{"address flush dev lan"},
		{"link set lan down", "link set lan up"},
		{"route del local " + virtualLAN + " dev lan table local"},
		{"-6 route del local " + virtualLAN6 + " dev lan table local"},
		{"route flush table local dev lan"},
		{"rule del priority 0"},
		{"-6 rule del priority 0"},
		{"rule flush", "-6 rule flush"},
	} {
		for _, line := range lines {
			b.router.Run(t, "ip "+line)
		}
		testbed.Eventually(t, strings.Join(lines, ", ")+": all addresses are reached again", reached)
		b.passes(s)
	}
	if status := b.Status(); status.Role != "Active" || status.Term != term || !programs.IsHealthy(status) {
		t.Errorf("the unit reports %+v", status)
	}
}

// A unit that does not forward IPv6 any more says so, for as long as that lasts.
func TestActiveWithoutIPv6ForwardingIsUnhealthy(t *testing.T) {
	b := newDualStack(t)
	b.router.Set(t, "net.ipv6.conf.all.forwarding", "0")
	isReported := fails(contract.CheckOfAddresses("lan"), "net.ipv6.conf.all.forwarding")
	testbed.Eventually(t, "the unit is unhealthy", func() bool { return isReported(b.Status()) })
	b.router.Set(t, "net.ipv6.conf.all.forwarding", "1")
	testbed.Eventually(t, "the unit is healthy", func() bool { return programs.IsHealthy(b.Status()) })
}
