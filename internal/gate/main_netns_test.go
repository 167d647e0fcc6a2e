//go:build netns

package gate

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/test/namespace"
)

func TestMain(m *testing.M) {
	if setup, ok := os.LookupEnv(unitVariable); ok {
		os.Exit(beUnit(setup))
	}
	namespace.Alone()
	goleak.VerifyTestMain(m)
}
