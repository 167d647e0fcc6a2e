// Package process runs programs in network namespaces for benchmarks. The programs end with the benchmark, even if it
// crashes. The package also finds all programs of a namespace.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/poll"
)

// endTimeout bounds the wait for a killed process to end.
const endTimeout = 10 * time.Second

// Process is a running program.
type Process struct {
	t       testing.TB
	command *exec.Cmd
	ended   chan struct{}
	err     error // set once ended is closed
}

// Start starts a command in a namespace and writes its output to a file. The process is killed when t ends, or when
// this process ends in any way.
func Start(t testing.TB, namespacePath, logFile string, command *exec.Cmd) *Process {
	t.Helper()
	p := &Process{t: t, command: command, ended: make(chan struct{})}
	output, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatalf("Opening the log of %s: %v", command.Path, err)
	}
	command.Stdout, command.Stderr = output, output
	// The kernel kills the child when the thread that started it ends. So that thread waits for the child.
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error, 1)
	go func() {
		defer close(p.ended)
		defer func() { _ = output.Close() }()
		err := namespace.Do(namespacePath, func() error {
			err := command.Start()
			started <- err
			if err == nil {
				p.err = command.Wait()
			}
			return nil
		})
		if err != nil {
			started <- err
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("Starting %v: %v", command.Args, err)
	}
	t.Cleanup(p.Kill)
	return p
}

// Signal sends a signal to the process.
func (p *Process) Signal(s os.Signal) {
	p.t.Helper()
	if err := p.command.Process.Signal(s); err != nil {
		p.t.Fatalf("Sending %s to %s: %v", s, p.command.Path, err)
	}
}

// Kill kills the process and waits until it has ended. It does nothing if the process has already ended.
func (p *Process) Kill() {
	_ = p.command.Process.Kill()
	timer := time.NewTimer(endTimeout)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		p.t.Errorf("%s did not end within %s of being killed", p.command.Path, endTimeout)
	}
}

// PID returns the process ID.
func (p *Process) PID() int { return p.command.Process.Pid }

// Ended returns a channel that is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Running fails the benchmark if the process has ended.
func (p *Process) Running() {
	p.t.Helper()
	select {
	case <-p.ended:
		p.t.Fatalf("%v ended by itself: %v", p.command.Args, p.err)
	default:
	}
}

// SignalAll sends a signal to every process in a namespace, except this one. A namespace stands for one machine, so
// this includes the children of its programs. It returns the number of processes.
func SignalAll(namespacePath string, s unix.Signal) (int, error) {
	inside, err := all(namespacePath)
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, handle := range inside {
		if err := unix.PidfdSendSignal(handle, s, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			errs = append(errs, fmt.Errorf("sending %s into %s: %w", s, namespacePath, err))
		}
		_ = unix.Close(handle)
	}
	return len(inside), errors.Join(errs...)
}

// KillAll kills every process in a namespace, and waits until all have ended.
func KillAll(namespacePath string) error {
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	return poll.Until(ctx, time.Millisecond, "processes of "+namespacePath+" to end", func(context.Context) error {
		n, err := SignalAll(namespacePath, unix.SIGKILL)
		if err == nil && n > 0 {
			err = fmt.Errorf("%d processes are running", n)
		}
		return err
	})
}

// all opens a pidfd for each process in a namespace. Unlike a process ID, it is never reused.
func all(namespacePath string) ([]int, error) {
	var wanted unix.Stat_t
	if err := unix.Stat(namespacePath, &wanted); err != nil {
		return nil, fmt.Errorf("reading namespace %s: %w", namespacePath, err)
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var handles []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		handle, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue // the process has ended
		}
		var found unix.Stat_t
		err = unix.Stat(namespace.OfProcess(pid), &found)
		if err != nil || found.Dev != wanted.Dev || found.Ino != wanted.Ino {
			_ = unix.Close(handle)
			continue
		}
		handles = append(handles, handle)
	}
	return handles, nil
}
