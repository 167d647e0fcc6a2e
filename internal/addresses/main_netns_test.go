//go:build netns

package addresses

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/test/namespace"
)

func TestMain(m *testing.M) {
	namespace.Alone()
	goleak.VerifyTestMain(m)
}
