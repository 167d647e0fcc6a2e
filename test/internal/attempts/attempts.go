// Package attempts gives each spec of a Ginkgo suite as many attempts as the run of all tests allows. A suite that runs
// by itself makes one attempt.
package attempts

import (
	"fmt"
	"os"
	"strconv"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
)

// Variable names the environment variable with the number of attempts.
const Variable = "HAPAIR_ATTEMPTS"

// Configure returns the configuration of a suite, for RunSpecs. At its end the suite prints the failures of specs that
// passed at a later attempt, which Ginkgo does not.
func Configure() types.SuiteConfig {
	ginkgo.ReportAfterSuite("Flaky specs", func(report ginkgo.Report) {
		for _, spec := range report.SpecReports {
			if spec.State != types.SpecStatePassed {
				continue
			}
			for _, former := range spec.AdditionalFailures {
				fmt.Printf("FLAKY %s\n%s\n%s\n", spec.FullText(), former.Failure.Message, former.Failure.Location)
			}
		}
	})
	suite, _ := ginkgo.GinkgoConfiguration()
	if n, err := strconv.Atoi(os.Getenv(Variable)); err == nil && suite.FlakeAttempts == 0 {
		suite.FlakeAttempts = n
	}
	return suite
}
