//go:build vm

package vm_test

import (
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/vm"
)

// TestFrozenMachineForwardsNothing freezes an active unit's machine for longer than its permit, as a hypervisor does
// that has no time for it. Its clocks go on. Afterwards the machine must neither forward nor believe in its permit.
func TestFrozenMachineForwardsNothing(t *testing.T) {
	const name = "TestClosesWhileTheMachineStandsStill"
	guest := vm.Boot(t, vm.Config{
		Program: "tests", Arguments: []string{"-test.v", "-test.run", "^" + name + "$"},
		Files:   vm.CompileTests(t, "../../internal/gate", "netns,vm"),
		Modules: []string{"veth", "sch_ingress", "cls_bpf", "nf_tables", "nf_conntrack"},
	})
	for _, kind := range []string{"BPF", "NFTables"} {
		guest.Await("freeze now " + kind)
		guest.Freeze()
		testbed.Pause(t, 3*time.Second)
		guest.Thaw()
	}
	guest.Wait()
	guest.Await("--- PASS: " + name)
}
