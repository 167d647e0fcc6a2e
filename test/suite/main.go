// Suite runs every kind of test, one after another, and ends with a table of durations and one total count. `make test`
// and CI call it. Each step is a Make target that can run alone.
package main

import (
	"bytes"
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

	"github.com/hapair-io/hapair/test/internal/attempts"
)

// step is one Make target. If it runs tests, it prints them as `go test -json`.
type step struct {
	name   string
	target string
	// background is set for a step that mostly waits. It runs at the same time as the steps after it, up to the one whose
	// target is before; with all of them if that is empty.
	background bool
	before     string
}

var steps = []step{
	{name: "build tools and programs", target: "prepare"},
	{name: "verify generated files", target: "verify"}, // It writes them again, and the other steps read them.
	{name: "pairs at rest", target: "test-rest", background: true},
	{name: "API server", target: "test-apiserver", background: true, before: "test-vm"},
	{name: "lint", target: "lint"},
	{name: "unit", target: "test-unit"},
	{name: "network namespaces", target: "test-netns"},
	{name: "virtual machines", target: "test-vm"},
	{name: "cluster", target: "test-cluster"},
}

// outcome is the result of one step.
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
	began := time.Now()
	outcomes := make([]outcome, 0, len(steps))
	// pending waits for the steps in the background, by the target before which they must have ended.
	pending := map[string][]func() outcome{}
	await := func(before string) {
		for _, end := range pending[before] {
			outcomes = append(outcomes, end())
		}
		delete(pending, before)
	}
	for _, s := range steps {
		if ctx.Err() != nil {
			break
		}
		await(s.target)
		if s.background {
			fmt.Printf("\n=== %s (make %s), in the background\n", s.name, s.target)
			pending[s.before] = append(pending[s.before], startInBackground(ctx, s))
			continue
		}
		fmt.Printf("\n=== %s (make %s)\n", s.name, s.target)
		outcomes = append(outcomes, run(ctx, s, os.Stdout, os.Stderr))
	}
	for before := range pending {
		await(before)
	}
	return report(os.Stdout, outcomes, time.Since(began)) && ctx.Err() == nil
}

// startInBackground starts a step. The returned function waits for its end and prints its whole output.
func startInBackground(ctx context.Context, s step) (end func() outcome) {
	var stdout, stderr bytes.Buffer
	ended := make(chan outcome, 1)
	go func() { ended <- run(ctx, s, &stdout, &stderr) }()
	return func() outcome {
		fmt.Printf("\n=== %s (make %s), started before\n", s.name, s.target)
		o := <-ended
		_, _ = stdout.WriteTo(os.Stdout)
		_, _ = stderr.WriteTo(os.Stderr)
		return o
	}
}

// run runs a step, and its packages with failed tests once more.
func run(ctx context.Context, s step, out, errOut io.Writer) outcome {
	began := time.Now()
	all, err := attempt(ctx, s, out, errOut)
	if packages := all.toRepeat(); err != nil && len(packages) > 0 && ctx.Err() == nil {
		_, _ = fmt.Fprintf(out, "\n=== %s, second attempt of %s\n", s.name, strings.Join(packages, " "))
		var second results
		second, err = attempt(ctx, s, out, errOut, "PACKAGES="+strings.Join(packages, " "))
		for _, flaky := range all.repeatWith(second) {
			_, _ = fmt.Fprintln(out, "FLAKY", flaky.pkg, flaky.test)
		}
	}
	o := outcome{step: s, took: time.Since(began), tally: all.tally(), err: err}
	if o.err == nil && o.tally.failed > 0 {
		o.err = errors.New("tests failed")
	}
	return o
}

// attempt runs the target of a step and reads what its tests print.
func attempt(ctx context.Context, s step, out, errOut io.Writer, variables ...string) (results, error) {
	arguments := append([]string{"--no-print-directory", s.target, "TESTFLAGS=-json"}, variables...)
	cmd := exec.CommandContext(ctx, "make", arguments...)
	cmd.Env = append(os.Environ(), attempts.Variable+"=2")
	cmd.Stderr = errOut
	// An interrupt reaches every process of the step, as one at a terminal does, and leaves them time to clean up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 2 * time.Minute
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return results{}, err
	}
	all := read(stdout, out)
	return all, cmd.Wait()
}

// report prints the table and the total, and reports whether everything passed.
func report(w io.Writer, outcomes []outcome, took time.Duration) bool {
	var sum tally
	ok := len(outcomes) == len(steps)
	_, _ = fmt.Fprintf(w, "\n%-26s %8s %8s %8s %8s %8s\n", "step", "seconds", "passed", "failed", "skipped",
		"flaky")
	for _, o := range outcomes {
		verdict := ""
		if o.err != nil {
			ok = false
			verdict = "  FAILED: " + o.err.Error()
			if o.tally.failed == 0 {
				o.tally.failed = 1 // a step that fails without a failed test counts as one
			}
		} else if o.tally == (tally{}) {
			o.tally.passed = 1 // a step without tests counts as one
		}
		_, _ = fmt.Fprintf(w, "%-26s %8.1f %8d %8d %8d %8d%s\n", o.name, o.took.Seconds(), o.tally.passed,
			o.tally.failed, o.tally.skipped, o.tally.flaky, verdict)
		sum.add(o.tally)
	}
	_, _ = fmt.Fprintf(w, "%-26s %8.1f\n%s\n", "all", took.Seconds(), strings.Repeat("-", 71))
	if sum.flaky > 0 {
		_, _ = fmt.Fprintf(w, "%d failed at first and passed at the second attempt; up to %d may. Look for FLAK above.\n",
			sum.flaky, maxFlaky)
	}
	_, _ = fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", sum.passed, sum.failed, sum.skipped)
	return ok && sum.flaky <= maxFlaky
}
