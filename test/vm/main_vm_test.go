//go:build vm

package vm_test

import (
	"os"
	"testing"

	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/vm"
)

// TestMain runs the tests in a network namespace of their own, and in a guest its program.
func TestMain(m *testing.M) {
	vm.Serve(map[string]vm.Program{"standby": runStandby, "tests": vm.RunTests})
	namespace.Alone()
	os.Exit(m.Run())
}
