//go:build netns

package enforcement_test

import (
	"strings"
	"testing"

	"github.com/hapair-io/hapair/test/testbed"
)

// published is an address that hosts of the LAN take for one of theirs. It is behind the WAN.
const published = "192.0.2.99"

// The active answers ARP for an address that its document publishes. The kernel looks up a route for that, and the
// rules of the data plane refuse lookups without a mark.
func TestPublishedAddressIsAnswered(t *testing.T) {
	b := newBed(t, false, false)
	b.Give(strings.Replace(policies("first"), `"zones"`, `"neighbours":[{"interface":"lan","address":"`+published+
		`","publish":true}],"routing":{"routes":[{"name":"published","to":"`+published+`/32","via":"`+serverAddress+
		`"}]},"zones"`, 1))
	b.StartFirewall()
	b.StartSidecar()
	b.AwaitActive()
	mac := b.router.Link(t, "lan").MAC().String()
	testbed.Eventually(t, "the client knows where the published address is", func() bool {
		_, _ = b.client.Try("ping -n -c 1 -W 1 " + published) // No policy lets the ping itself pass.
		return strings.Contains(b.client.Run(t, "ip neigh show to "+published), mac)
	})
}
