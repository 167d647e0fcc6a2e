package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestParseStat(t *testing.T) {
	const rest = " 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 98765 11 12"
	for name, test := range map[string]struct {
		text string
		want stat
	}{
		"a running process":       {"12 (kubelet) S 1" + rest, stat{started: 98765, threads: 3}},
		"a name with parentheses": {"12 (a) Z (b) R 1" + rest, stat{started: 98765, threads: 3}},
		"a dead first thread":     {"12 (kubelet) Z 1" + rest, stat{started: 98765, threads: 3, dead: true}},
		"a process that exits":    {"12 (kubelet) X 1" + rest, stat{started: 98765, threads: 3, dead: true}},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := parseStat(test.text); err != nil || got != test.want {
				t.Errorf("got %+v, %v, want %+v", got, err, test.want)
			}
		})
	}
	for _, text := range []string{"", "12 kubelet S", "12 (kubelet) S 1 2 3"} {
		if _, err := parseStat(text); err == nil {
			t.Errorf("parseStat(%q) returned no error", text)
		}
	}
}

func TestIdentityIsThatOfOneProcess(t *testing.T) {
	self, err := Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !self.Running() {
		t.Error("the test's own process is not running")
	}
	other := self
	other.Started++
	if other.Running() {
		t.Error("a reused ID was accepted as the earlier process")
	}
	if err := other.Signal(unix.SIGKILL); err != nil {
		t.Errorf("sending to a process that has ended: %v", err)
	}
	if err := other.Kill(t.Context()); err != nil {
		t.Errorf("killing a process that has ended: %v", err)
	}
}

// TestExecutingAnotherProgram reads a process that executes itself repeatedly, each time from a thread that is not its
// first.
func TestExecutingAnotherProgram(t *testing.T) {
	const variable, executions = "HAPAIR_TEST_EXECUTIONS", 100
	if left, err := strconv.Atoi(os.Getenv(variable)); err == nil {
		executeAgain(t, variable, left)
		return
	}
	command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), variable+"="+strconv.Itoa(executions))
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	id, err := Identify(command.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	var through atomic.Bool
	read := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(output, make([]byte, 1))
		through.Store(true)
		read <- err
	}()
	missed := 0
	for begun := time.Now(); !through.Load() && time.Since(begun) < time.Minute; {
		if !id.Running() {
			missed++
		}
	}
	if missed > 0 {
		t.Errorf("it was reported as ended %d times", missed)
	}
	_ = input.Close()
	if err := <-read; err != nil {
		t.Errorf("reading its last output: %v", err)
	}
	if err := command.Wait(); err != nil {
		t.Error(err)
	}
}

// executeAgain executes the test again from another thread than the first. The last one waits for its input to end.
func executeAgain(t *testing.T, variable string, left int) {
	if left == 0 {
		fmt.Print("x")
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	failed := make(chan error)
	for {
		go func() {
			runtime.LockOSThread()
			if unix.Gettid() == unix.Getpid() {
				select {} // keeps the first thread from being used for the next call
			}
			failed <- errors.Join(
				os.Setenv(variable, strconv.Itoa(left-1)), unix.Exec(os.Args[0], os.Args, os.Environ()))
		}()
		select {
		case err := <-failed:
			t.Fatal(err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestKillEndsAProcessAndWaits(t *testing.T) {
	command := exec.Command("sleep", "3600")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	id, err := Identify(command.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := id.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if id.Running() {
		t.Error("the process still runs")
	}
	if _, err := Identify(id.PID); !errors.Is(err, ErrEnded) {
		t.Errorf("before its parent has collected it: %v, want %v", err, ErrEnded)
	}
	_ = command.Wait()
	if err := id.Kill(t.Context()); err != nil {
		t.Errorf("killing it again: %v", err)
	}
}

func TestSignalsReachTheProcess(t *testing.T) {
	command := exec.Command("sleep", "3600")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	id, err := Identify(command.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := id.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := command.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != unix.SIGTERM {
		t.Errorf("it ended with %v", err)
	}
}
