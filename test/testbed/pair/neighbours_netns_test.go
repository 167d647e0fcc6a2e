//go:build netns

package pair_test

import (
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// hiddenAddress is that of a host that does not answer ARP, so that nobody can learn its neighbour entry.
const hiddenAddress, hiddenMAC = "192.168.50.66", "02:ca:fe:00:00:66"

// hasNeighbour reports whether a unit has an entry of the LAN.
func hasNeighbour(t *testing.T, router *testbed.Namespace, address, entry string) bool {
	t.Helper()
	return strings.Contains(router.Run(t, "ip neigh show "+address+" dev lan0"), entry)
}

// TestLearnedNeighboursSurviveSwitchovers opts in class DynamicARP. The standby has the client's entry without asking
// for it, and still has it as the active. The control is a pair without the class.
func TestLearnedNeighboursSurviveSwitchovers(t *testing.T) {
	for name, classes := range map[string][]state.Class{"replicated": {state.DynamicARP}, "control": nil} {
		t.Run(name, func(t *testing.T) {
			bed := pair.New(t, pair.Options{Replicated: classes})
			bed.Secondary.Run(t, "ip neigh flush dev lan0")
			bed.Exchange(t, testbed.ServerAddress)
			client := func(router *testbed.Namespace) bool {
				return hasNeighbour(t, router, testbed.ClientAddress, "lladdr")
			}
			if !client(bed.Primary) {
				t.Fatal("the active has not learned its neighbour")
			}
			bed.Active.Flush()
			if got := client(bed.Secondary); got != (classes != nil) {
				t.Errorf("the standby has the neighbour: %v, with classes %v", got, classes)
			}
			if classes == nil {
				return
			}
			for range 2 {
				bed.Switchover()
				if !client(bed.Primary) || !client(bed.Secondary) {
					t.Error("a unit has lost the neighbour in the switchover")
				}
				bed.AwaitSync()
			}
		})
	}
}

// TestFixedNeighboursSurviveAnotherMAC gives the interface of a standby another MAC address, which flushes it as a
// virtual MAC does. The new active has the entries nevertheless.
func TestFixedNeighboursSurviveAnotherMAC(t *testing.T) {
	bed := pair.New(t, pair.Options{Replicated: []state.Class{state.ARP}})
	bed.Primary.Run(t, "ip neigh replace "+hiddenAddress+" lladdr "+hiddenMAC+" dev lan0 nud permanent")
	bed.Active.Flush()
	hidden := func(router *testbed.Namespace) bool {
		return hasNeighbour(t, router, hiddenAddress, "lladdr "+hiddenMAC+" PERMANENT")
	}
	if !hidden(bed.Secondary) {
		t.Fatal("the standby does not have the neighbour")
	}
	bed.Secondary.Run(t, "ip link set lan0 address 02:00:5e:00:01:07")
	bed.Switchover()
	if !hidden(bed.Secondary) {
		t.Error("the new active does not have the neighbour after its MAC address has changed")
	}
}
