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

// tally counts tests.
type tally struct{ passed, failed, skipped int }

func (t *tally) add(other tally) {
	t.passed += other.passed
	t.failed += other.failed
	t.skipped += other.skipped
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
var ginkgoSummary = regexp.MustCompile(`(\d+) Passed.*?\| .*?(\d+) Failed.*?\| .*?(\d+) Pending.*?\| .*?(\d+) Skipped`)

// ansi matches the colors in which a suite may print that line.
var ansi = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// read counts the tests in a stream. It prints lines that are not test events, one line for each package, and the whole
// output of each failure.
func read(r io.Reader, w io.Writer) tally {
	var sum tally
	output := map[string]*strings.Builder{} // by package and test
	ginkgo := map[string]tally{}
	inPackage := map[string]*tally{}
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
			if inPackage[e.Package] == nil {
				inPackage[e.Package] = &tally{}
			}
			if e.Test == "" {
				sum.add(*inPackage[e.Package])
				printPackage(w, e, *inPackage[e.Package], output[key])
				continue
			}
			t, ok := ginkgo[key]
			if !ok {
				t = one(e.Action)
			}
			inPackage[e.Package].add(t)
			if e.Action != "pass" && output[key] != nil {
				_, _ = fmt.Fprint(w, output[key])
			}
			delete(output, key)
		case "build-output":
			_, _ = fmt.Fprint(w, e.Output)
		}
	}
	if err := lines.Err(); err != nil {
		_, _ = fmt.Fprintln(w, "reading test output:", err)
		sum.failed++
	}
	return sum
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
		n, _ := strconv.Atoi(m[i]) // the expression matched digits
		return n
	}
	return tally{passed: number(1), failed: number(2), skipped: number(3) + number(4)}, true
}
