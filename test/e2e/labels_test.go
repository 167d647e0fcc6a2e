//go:build e2e

package e2e

import . "github.com/onsi/ginkgo/v2"

// The labels choose specs for the targets of the Makefile. make test-cluster runs all specs that are not long.
var (
	// inEndurance marks specs of make test-endurance.
	inEndurance = Label("endurance")
	// enduranceOnly marks specs of make test-endurance that take long, so that make test-cluster leaves them out.
	enduranceOnly = Label("endurance", "long")
)
