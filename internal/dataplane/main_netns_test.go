//go:build netns

package dataplane

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/test/namespace"
)

// TestMain runs the tests in a network namespace of their own, which is that of the unit.
func TestMain(m *testing.M) {
	namespace.Alone()
	goleak.VerifyTestMain(m)
}
