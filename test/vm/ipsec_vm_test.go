//go:build vm

package vm_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/vm"
)

// TestIPsecTable runs the tests of package xfrm that need SAs, on a kernel that can have them.
func TestIPsecTable(t *testing.T) {
	runIPsec(t, "../../internal/kernel/xfrm", "TestTrialLeavesNothing", "TestCountersAreKept",
		"TestEventsReportChangesOfSAs")
}

// TestIPsecCounters runs the tests of class VPNCounters that need SAs. One of them changes the active unit many times,
// and counts sequence numbers at the peer.
func TestIPsecCounters(t *testing.T) {
	runIPsec(t, "../../internal/class/vpncounters",
		"TestContractWithTheKernel", "TestPacketsAreNotReceivedTwice", "TestTakeoversUseNoNumberTwice")
}

// runIPsec runs tests of a package in a guest that can encrypt packets.
func runIPsec(t *testing.T, folder string, names ...string) {
	t.Helper()
	guest := vm.Boot(t, vm.Config{
		Program: "tests", Arguments: []string{"-test.v", "-test.run", "^(" + strings.Join(names, "|") + ")$"},
		Files: vm.CompileTests(t, folder, "netns"), Modules: ipsecModules(), Patience: 8 * time.Minute,
	})
	guest.Wait()
	for _, name := range names {
		guest.Await("--- PASS: " + name)
	}
}

// ipsecModules returns the modules of ESP with AES-GCM. The guest has no program that loads them by the names of
// algorithms. AES-GCM needs the kernel's random generator.
func ipsecModules() []string {
	return []string{
		"veth", "esp4", "esp6", "xfrm_user", "xfrm_interface",
		"gcm", "seqiv", "ctr", "ghash_generic", "sha512_generic", "drbg",
	}
}
