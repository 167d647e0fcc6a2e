// Suite runs every kind of test there is, one after another, and ends with a table of how long each took and one count
// of all. `make test` and CI call it; each step is a Make target that a person can run alone.
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
)

// step is one Make target. Its tests, if it runs any, come as `go test -json`.
type step struct {
	name   string
	target string
	// beside is of one that mostly waits, and so runs beside those after it.
	beside bool
}

var steps = []step{
	{name: "build tools and programs", target: "prepare"},
	{name: "pairs at rest", target: "test-rest", beside: true},
	{name: "lint", target: "lint"},
	{name: "verify generated files", target: "verify"},
	{name: "unit", target: "test-unit"},
	{name: "API server", target: "test-apiserver"},
	{name: "network namespaces", target: "test-netns"},
	{name: "cluster", target: "test-cluster"},
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
	began := time.Now()
	outcomes := make([]outcome, 0, len(steps))
	var beside []func() outcome
	for _, s := range steps {
		if ctx.Err() != nil {
			break
		}
		if s.beside {
			fmt.Printf("\n=== %s (make %s), beside what follows\n", s.name, s.target)
			beside = append(beside, runBeside(ctx, s))
			continue
		}
		fmt.Printf("\n=== %s (make %s)\n", s.name, s.target)
		outcomes = append(outcomes, run(ctx, s, os.Stdout, os.Stderr))
	}
	for _, end := range beside {
		outcomes = append(outcomes, end())
	}
	return report(os.Stdout, outcomes, time.Since(began)) && ctx.Err() == nil
}

// runBeside begins a step. The function that it returns waits for its end, and shows what it printed in one piece.
func runBeside(ctx context.Context, s step) (end func() outcome) {
	var printed, complained bytes.Buffer
	ended := make(chan outcome, 1)
	go func() { ended <- run(ctx, s, &printed, &complained) }()
	return func() outcome {
		fmt.Printf("\n=== %s (make %s), begun before\n", s.name, s.target)
		o := <-ended
		_, _ = printed.WriteTo(os.Stdout)
		_, _ = complained.WriteTo(os.Stderr)
		return o
	}
}

func run(ctx context.Context, s step, show, complain io.Writer) outcome {
	began := time.Now()
	o := outcome{step: s}
	cmd := exec.CommandContext(ctx, "make", "--no-print-directory", s.target, "TESTFLAGS=-json")
	cmd.Stderr = complain
	// An interrupt reaches all that the step started, as one at a terminal does, and they get time to clean up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 2 * time.Minute
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		o.err = err
		return o
	}
	o.tally = read(stdout, show)
	o.err = cmd.Wait()
	if o.err == nil && o.tally.failed > 0 {
		o.err = errors.New("tests failed")
	}
	o.took = time.Since(began)
	return o
}

// report prints the table and the closing line, and tells whether all is well.
func report(w io.Writer, outcomes []outcome, took time.Duration) bool {
	var sum tally
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
	}
	_, _ = fmt.Fprintf(w, "%-26s %8.1f\n%s\n", "all", took.Seconds(), strings.Repeat("-", 62))
	_, _ = fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", sum.passed, sum.failed, sum.skipped)
	return ok
}
