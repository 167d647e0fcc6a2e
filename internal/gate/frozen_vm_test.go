//go:build netns && vm

package gate

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
)

// TestClosesWhileTheMachineStandsStill opens the gate for a second, and asks the host to freeze the whole machine past
// that. Nobody in the machine acts at the deadline, and the traffic is the first to run afterwards. Package vm runs it,
// see TestFrozenMachineForwardsNothing there.
func TestClosesWhileTheMachineStandsStill(t *testing.T) {
	for _, kind := range []contract.Fence{contract.FenceBPF, contract.FenceNFTables} { // The host expects this order.
		t.Run(string(kind), func(t *testing.T) {
			p, s := opened(newBed(t, kind == contract.FenceNFTables), serverAddress)
			const permit = time.Second
			deadline := p.open(permit)
			p.signal(syscall.SIGSTOP) // It must not close the gate in place of the kernel.
			fmt.Println("freeze now", p.kind)
			s.goOn(deadline)
			s.End()
			if still := longestStandstill(s); still < 2*permit {
				t.Fatalf("the machine stood still for %s, which shows nothing", still)
			}
			s.nothingPast(deadline, "after the machine stood still")
			p.signal(syscall.SIGCONT)
			if err := p.verify(); err == nil {
				t.Error("the unit still believes in its permit")
			}
		})
	}
}

// longestStandstill returns the longest time between two datagrams.
func longestStandstill(s *stream) (longest time.Duration) {
	var last time.Duration
	for _, d := range s.Sent() {
		if last != 0 {
			longest = max(longest, d.Before-last)
		}
		last = d.Before
	}
	return longest
}
