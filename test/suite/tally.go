package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// tally counts tests. A flaky test failed at first and passed at its second attempt; it counts as passed, too.
type tally struct{ passed, failed, skipped, flaky int }

func (t *tally) add(other tally) {
	t.passed += other.passed
	t.failed += other.failed
	t.skipped += other.skipped
	t.flaky += other.flaky
}

// results are the counts of a step's packages. They also name what failed.
type results struct {
	packages map[string]*tally
	failures []failure
}

// failure is a test that failed, or a package that failed without one: it could not be built, for example.
type failure struct {
	pkg, test string
	// suite is set for a Ginkgo suite, which repeats its own specs.
	suite bool
}

func (r results) tally() (sum tally) {
	for _, t := range r.packages {
		sum.add(*t)
	}
	return sum
}

// event is a line of `go test -json` (go doc test2json).
type event struct {
	Action  string
	Package string
	Test    string
	Elapsed float64
	Output  string
}

// ginkgoSummary matches the last line of a Ginkgo suite, which is one Go test with many specs.
var ginkgoSummary = regexp.MustCompile(
	`(\d+) Passed.*?\| .*?(\d+) Failed.*?\|(?: .*?(\d+) Flaked.*?\|)? .*?(\d+) Pending.*?\| .*?(\d+) Skipped`)

// ansi matches the colors in which a suite may print that line.
var ansi = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// read counts the tests in a stream. It prints lines that are not test events, one line for each package, and the whole
// output of each failure.
func read(r io.Reader, w io.Writer) results {
	all := results{packages: map[string]*tally{}}
	output := map[string]*strings.Builder{} // by package and test
	ginkgo := map[string]tally{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Action == "" {
			_, _ = fmt.Fprintln(w, lines.Text())
			continue
		}
		key := e.Package + "\x00" + e.Test
		switch e.Action {
		case "output":
			if output[key] == nil {
				output[key] = &strings.Builder{}
			}
			output[key].WriteString(e.Output)
			if t, ok := parseGinkgo(e.Output); ok {
				ginkgo[key] = t
			}
			if strings.HasPrefix(e.Output, "# ") { // progress of a long test
				_, _ = fmt.Fprint(w, e.Output)
			}
		case "pass", "fail", "skip":
			if all.packages[e.Package] == nil {
				all.packages[e.Package] = &tally{}
			}
			t, suite := ginkgo[key]
			if e.Action == "fail" {
				all.failures = append(all.failures, failure{e.Package, e.Test, suite})
			}
			if e.Test == "" {
				all.endUnfinished(e, output, w)
				printPackage(w, e, *all.packages[e.Package], output[key])
				continue
			}
			if !suite {
				t = one(e.Action)
			}
			all.packages[e.Package].add(t)
			if (e.Action != "pass" || t.flaky > 0) && output[key] != nil {
				_, _ = fmt.Fprint(w, output[key])
			}
			delete(output, key)
		case "build-output":
			_, _ = fmt.Fprint(w, e.Output)
		}
	}
	if err := lines.Err(); err != nil {
		_, _ = fmt.Fprintln(w, "reading test output:", err)
		all.packages[""] = &tally{failed: 1}
	}
	return all
}

// endUnfinished counts tests that were running when their package failed, as by a panic, and prints their output.
func (r *results) endUnfinished(end event, output map[string]*strings.Builder, w io.Writer) {
	if end.Action != "fail" {
		return
	}
	for key, text := range output {
		pkg, test, _ := strings.Cut(key, "\x00")
		if pkg != end.Package || test == "" {
			continue
		}
		_, _ = fmt.Fprint(w, text)
		r.packages[pkg].failed++
		r.failures = append(r.failures, failure{pkg: pkg, test: test})
		delete(output, key)
	}
}

func printPackage(w io.Writer, e event, t tally, output *strings.Builder) {
	if e.Action == "fail" {
		if output != nil {
			_, _ = fmt.Fprint(w, output)
		}
		_, _ = fmt.Fprintf(w, "FAIL  %-70s %7.1fs\n", e.Package, e.Elapsed)
		return
	}
	if t != (tally{}) {
		_, _ = fmt.Fprintf(w, "ok    %-70s %7.1fs %5d tests\n", e.Package, e.Elapsed, t.passed)
	}
}

func one(action string) tally {
	switch action {
	case "pass":
		return tally{passed: 1}
	case "skip":
		return tally{skipped: 1}
	default:
		return tally{failed: 1}
	}
}

func parseGinkgo(line string) (tally, bool) {
	m := ginkgoSummary.FindStringSubmatch(ansi.ReplaceAllString(line, ""))
	if m == nil {
		return tally{}, false
	}
	number := func(i int) int {
		n, _ := strconv.Atoi(m[i]) // the expression matched digits, or nothing where specs may be flaky
		return n
	}
	return tally{passed: number(1), failed: number(2), flaky: number(3), skipped: number(4) + number(5)}, true
}
