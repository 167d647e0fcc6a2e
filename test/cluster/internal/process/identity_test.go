package process

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseStat(t *testing.T) {
	const rest = " 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 11 12"
	tests := map[string]struct {
		stat    string
		started uint64
		ended   bool
	}{
		"a running process":       {"12 (kubelet) S 1" + rest, 98765, false},
		"a name with parentheses": {"12 (a) Z (b) R 1" + rest, 98765, false},
		"one not yet reaped":      {"12 (kubelet) Z 1" + rest, 98765, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			started, ended, err := parseStat(test.stat)
			if err != nil || started != test.started || ended != test.ended {
				t.Errorf("parseStat = %d, %t, %v; want %d, %t", started, ended, err, test.started, test.ended)
			}
		})
	}
	for _, stat := range []string{"", "12 kubelet S", "12 (kubelet) S 1 2 3"} {
		if _, _, err := parseStat(stat); err == nil {
			t.Errorf("parseStat(%q) gave no error", stat)
		}
	}
}

func TestIdentityIsThatOfOneProcess(t *testing.T) {
	self, err := Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !self.Running() {
		t.Error("the test itself does not run")
	}
	other := self
	other.Started++
	if other.Running() {
		t.Error("a number used again passes for the process that had it before")
	}
	if err := other.Signal(unix.SIGKILL); err != nil {
		t.Errorf("sending to a process that is gone: %v", err)
	}
	if err := other.Kill(t.Context()); err != nil {
		t.Errorf("ending a process that is gone: %v", err)
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
		t.Error("it still runs")
	}
	if _, err := Identify(id.PID); !errors.Is(err, ErrEnded) {
		t.Errorf("before its parent has noticed: %v, want %v", err, ErrEnded)
	}
	_ = command.Wait()
	if err := id.Kill(t.Context()); err != nil {
		t.Errorf("ending it again: %v", err)
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
