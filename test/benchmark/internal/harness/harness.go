// Package harness provides a testing.TB outside of `go test`. Benchmarks are programs that a person runs, but they
// measure on the network of the tests (test/testbed), which needs a testing.TB.
package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
)

// Run calls f with a testing.TB and returns its failures. It runs all cleanup functions first, even after a panic. It
// passes the log messages of f to log.
func Run(ctx context.Context, name string, log func(string), f func(testing.TB)) error {
	t := &runner{ctx: ctx, name: name, log: log}
	done := make(chan struct{})
	// f has its own goroutine, because FailNow ends the goroutine that calls it.
	go func() {
		defer close(done)
		defer t.cleanUp()
		defer t.recover()
		f(t)
	}()
	<-done
	return t.err()
}

// runner is a testing.TB with the methods that networks and measurements use. The embedded interface is nil: a missing
// method panics, which counts as a failure.
type runner struct {
	testing.TB
	ctx  context.Context
	name string
	log  func(string)

	mu       sync.Mutex
	errs     []error
	cleanups []func()
}

func (t *runner) err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return errors.Join(t.errs...)
}

func (t *runner) fail(text string) { t.add(errors.New(text)) }

func (t *runner) add(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.errs = append(t.errs, err)
}

func (t *runner) recover() {
	if problem := recover(); problem != nil {
		t.fail(fmt.Sprintf("panic: %v\n%s", problem, debug.Stack()))
	}
}

// cleanUp calls the cleanup functions, the newest first. They may fail, and may register more.
func (t *runner) cleanUp() {
	for {
		t.mu.Lock()
		if len(t.cleanups) == 0 {
			t.mu.Unlock()
			return
		}
		last := t.cleanups[len(t.cleanups)-1]
		t.cleanups = t.cleanups[:len(t.cleanups)-1]
		t.mu.Unlock()
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer t.recover()
			last()
		}()
		<-done
	}
}

func (t *runner) Helper() {}

func (t *runner) Name() string { return t.name }

func (t *runner) Context() context.Context { return t.ctx }

func (t *runner) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, f)
}

func (t *runner) Failed() bool { return t.err() != nil }

func (t *runner) FailNow() {
	if !t.Failed() {
		t.fail("failed without a message")
	}
	runtime.Goexit()
}

func (t *runner) Fail() { t.fail("failed without a message") }

func (t *runner) Log(args ...any) { t.log(fmt.Sprintln(args...)) }

func (t *runner) Logf(format string, args ...any) { t.log(fmt.Sprintf(format, args...)) }

// Error records a failure. It keeps a single error as it is, so that the caller of Run can recognize it.
func (t *runner) Error(args ...any) {
	if len(args) == 1 {
		if err, ok := args[0].(error); ok {
			t.add(err)
			return
		}
	}
	t.fail(fmt.Sprint(args...))
}

func (t *runner) Errorf(format string, args ...any) { t.fail(fmt.Sprintf(format, args...)) }

func (t *runner) Fatal(args ...any) {
	t.Error(args...)
	t.FailNow()
}

func (t *runner) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	t.FailNow()
}

func (t *runner) TempDir() string {
	directory, err := os.MkdirTemp("", "hapair-benchmark-")
	if err != nil {
		t.Fatalf("Making a directory: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(directory); err != nil {
			t.Errorf("Removing a directory: %v", err)
		}
	})
	return directory
}
