package main

import (
	"maps"
	"slices"
	"strings"
)

// A run on a shared machine has thousands of tests, and many of them measure time. One that another program disturbed
// must not hide the result of all others, so it gets a second attempt. A fault that makes many tests fail gets none.
const (
	// maxRepeated is how many packages of a step run once more.
	maxRepeated = 2
	// maxFlaky is how many tests of a run may pass only at their second attempt.
	maxFlaky = 3
)

// toRepeat returns the packages to run once more; none if that cannot make the step succeed.
func (r results) toRepeat() []string {
	hasTest := map[string]bool{} // by package that failed
	for _, f := range r.failures {
		if f.suite {
			return nil // Its specs had their attempts.
		}
		hasTest[f.pkg] = hasTest[f.pkg] || f.test != ""
	}
	for _, ran := range hasTest {
		if !ran {
			return nil
		}
	}
	if len(hasTest) > maxRepeated {
		return nil
	}
	return slices.Sorted(maps.Keys(hasTest))
}

// repeatWith replaces the results of packages by those of their second attempt. It returns the tests that failed only
// at first.
func (r *results) repeatWith(second results) (flaky []failure) {
	for pkg, t := range second.packages {
		r.packages[pkg] = t
	}
	for _, f := range r.failures {
		_, ran := second.packages[f.pkg]
		failed := slices.ContainsFunc(second.failures, func(again failure) bool { return again.pkg == f.pkg })
		if !ran || failed || f.test == "" || strings.Contains(f.test, "/") {
			continue
		}
		flaky = append(flaky, f)
		r.packages[f.pkg].flaky++
	}
	return flaky
}
