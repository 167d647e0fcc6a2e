package testbed

import (
	"os"
	"testing"
)

// overloadVariable is the environment variable that makes tests of overload large. The small ones only show that
// everything works.
const overloadVariable = "HAPAIR_OVERLOAD"

// OverloadSessions returns the number of sessions of a test of overload.
func OverloadSessions() int {
	if os.Getenv(overloadVariable) != "" {
		return 1000
	}
	return 20
}

// OnlyInOverload skips a test that takes long on a busy machine.
func OnlyInOverload(t testing.TB) {
	t.Helper()
	if os.Getenv(overloadVariable) == "" {
		t.Skip("it takes long on a busy machine: run make test-overload")
	}
}
