// Suite runs every kind of test there is, one after another, and ends with a table of how long each took and one count
// of all. `make test` and CI call it; each step is a Make target that a person can run alone.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// step is one Make target. Its tests, if it runs any, come as `go test -json`.
type step struct {
	name   string
	target string
}

var steps = []step{
	{"build tools and programs", "prepare"},
	{"lint", "lint"},
	{"verify generated files", "verify"},
	{"unit", "test-unit"},
	{"API server", "test-apiserver"},
	{"network namespaces", "test-netns"},
	{"cluster", "test-cluster"},
}

// outcome is what became of one step.
type outcome struct {
	step
	took  time.Duration
	tally tally
	err   error
}

func main() {
	if !runAll() {
		os.Exit(1)
	}
}

func runAll() bool {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	outcomes := make([]outcome, 0, len(steps))
	for _, s := range steps {
		if ctx.Err() != nil {
			break
		}
		fmt.Printf("\n=== %s (make %s)\n", s.name, s.target)
		outcomes = append(outcomes, run(ctx, s))
	}
	return report(os.Stdout, outcomes) && ctx.Err() == nil
}

func run(ctx context.Context, s step) outcome {
	began := time.Now()
	o := outcome{step: s}
	cmd := exec.CommandContext(ctx, "make", "--no-print-directory", s.target, "TESTFLAGS=-json")
	cmd.Stderr = os.Stderr
	// An interrupt reaches the whole foreground process group anyway; children get time to clean up after themselves.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 2 * time.Minute
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		o.err = err
		return o
	}
	o.tally = read(stdout, os.Stdout)
	o.err = cmd.Wait()
	if o.err == nil && o.tally.failed > 0 {
		o.err = errors.New("tests failed")
	}
	o.took = time.Since(began)
	return o
}

// report prints the table and the closing line, and tells whether all is well.
func report(w io.Writer, outcomes []outcome) bool {
	var sum tally
	var total time.Duration
	ok := len(outcomes) == len(steps)
	_, _ = fmt.Fprintf(w, "\n%-26s %8s %8s %8s %8s\n", "step", "seconds", "passed", "failed", "skipped")
	for _, o := range outcomes {
		verdict := ""
		if o.err != nil {
			ok = false
			verdict = "  FAILED: " + o.err.Error()
			if o.tally.failed == 0 {
				o.tally.failed = 1 // a step that fails as a whole counts, whatever its tests said
			}
		} else if o.tally == (tally{}) {
			o.tally.passed = 1 // a step without tests of its own is one check
		}
		_, _ = fmt.Fprintf(w, "%-26s %8.1f %8d %8d %8d%s\n", o.name, o.took.Seconds(), o.tally.passed, o.tally.failed,
			o.tally.skipped, verdict)
		sum.add(o.tally)
		total += o.took
	}
	_, _ = fmt.Fprintf(w, "%-26s %8.1f\n%s\n", "all", total.Seconds(), strings.Repeat("-", 62))
	_, _ = fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", sum.passed, sum.failed, sum.skipped)
	return ok
}
