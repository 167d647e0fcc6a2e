// Package trial runs something that wants a testing.TB outside of `go test`: a benchmark is a program that a person
// runs, and the network that it measures on is the tests' own (test/testbed).
package trial

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

// Run calls f with a testing.TB and returns what it failed with. Whatever was registered for cleaning up has been
// called when it returns, also after a panic. What f logs goes to log.
func Run(ctx context.Context, name string, log func(string), f func(testing.TB)) error {
	t := &trial{ctx: ctx, name: name, log: log}
	done := make(chan struct{})
	// A goroutine of its own, since FailNow ends the one that called it.
	go func() {
		defer close(done)
		defer t.cleanUp()
		defer t.recover()
		f(t)
	}()
	<-done
	return t.err()
}

// trial is a testing.TB with everything that networks and measurements use. The interface that it embeds is nil: a
// method that is missing here panics, which is a failure like any other.
type trial struct {
	testing.TB
	ctx  context.Context
	name string
	log  func(string)

	mu       sync.Mutex
	errs     []error
	cleanups []func()
}

func (t *trial) err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return errors.Join(t.errs...)
}

func (t *trial) fail(text string) { t.add(errors.New(text)) }

func (t *trial) add(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.errs = append(t.errs, err)
}

func (t *trial) recover() {
	if problem := recover(); problem != nil {
		t.fail(fmt.Sprintf("panic: %v\n%s", problem, debug.Stack()))
	}
}

// cleanUp calls what was registered, the newest first. Cleaning up may register more, and may fail.
func (t *trial) cleanUp() {
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

func (t *trial) Helper() {}

func (t *trial) Name() string { return t.name }

func (t *trial) Context() context.Context { return t.ctx }

func (t *trial) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, f)
}

func (t *trial) Failed() bool { return t.err() != nil }

func (t *trial) FailNow() {
	if !t.Failed() {
		t.fail("failed without a word")
	}
	runtime.Goexit()
}

func (t *trial) Fail() { t.fail("failed without a word") }

func (t *trial) Log(args ...any) { t.log(fmt.Sprintln(args...)) }

func (t *trial) Logf(format string, args ...any) { t.log(fmt.Sprintf(format, args...)) }

// Error keeps an error that stands alone as it is, so that whoever called Run can tell it from others.
func (t *trial) Error(args ...any) {
	if len(args) == 1 {
		if err, ok := args[0].(error); ok {
			t.add(err)
			return
		}
	}
	t.fail(fmt.Sprint(args...))
}

func (t *trial) Errorf(format string, args ...any) { t.fail(fmt.Sprintf(format, args...)) }

func (t *trial) Fatal(args ...any) {
	t.Error(args...)
	t.FailNow()
}

func (t *trial) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	t.FailNow()
}

func (t *trial) TempDir() string {
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
