package attempts_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/onsi/ginkgo/v2"

	"github.com/hapair-io/hapair/test/internal/attempts"
)

// suiteVariable is set in the process that runs the suite whose spec fails at first.
const suiteVariable = "HAPAIR_TEST_SUITE"

const firstFailure = "FLAKY A spec fails at first\nFailure recorded during attempt 1:\non purpose"

func TestSuiteThatFailsAtFirst(t *testing.T) {
	if os.Getenv(suiteVariable) == "" {
		return // TestASecondAttemptIsPrinted runs it.
	}
	made := 0
	ginkgo.Describe("A spec", func() {
		ginkgo.It("fails at first", func() {
			if made++; made == 1 {
				ginkgo.Fail("on purpose")
			}
		})
	})
	ginkgo.RunSpecs(t, "Attempts", attempts.Configure())
}

func TestASecondAttemptIsPrinted(t *testing.T) {
	for allowed, want := range map[string]bool{"2": true, "": false} {
		suite := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSuiteThatFailsAtFirst$")
		suite.Env = append(os.Environ(), suiteVariable+"=1", attempts.Variable+"="+allowed)
		output, err := suite.CombinedOutput()
		if passed := err == nil; passed != want {
			t.Errorf("with %q attempts: passed is %t:\n%s", allowed, passed, output)
		}
		if flaky := strings.Contains(string(output), firstFailure); flaky != want {
			t.Errorf("with %q attempts, a flaky spec is printed: %t:\n%s", allowed, flaky, output)
		}
	}
}
