package boot

import (
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// timeout bounds operations that normally take milliseconds.
const timeout = 10 * time.Second

func TestSupervisorTellsHowAProgramEnded(t *testing.T) {
	for _, test := range []struct{ script, want string }{
		{"exit 3", "exit code 3"},
		{"kill -9 $$", "signal killed"},
	} {
		t.Run(test.script, func(t *testing.T) {
			s := newSupervisor(Spec{Logs: t.TempDir(), Path: os.Getenv("PATH")})
			if got := describe(runOnce(t, s, test.script)); got != test.want {
				t.Errorf("the end of %q is described as %q, want %q", test.script, got, test.want)
			}
		})
	}
}

func TestProgramsAreCalledByTheirNameAndLogToTheirFile(t *testing.T) {
	s := newSupervisor(Spec{Logs: t.TempDir(), Path: "/programs"})
	runOnce(t, s, `echo "called $0 with PATH $PATH"`)
	text, err := os.ReadFile(filepath.Join(s.spec.Logs, "example.log"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(text)); got != "called example with PATH /programs" {
		t.Errorf("log = %q", got)
	}
}

func TestProgramsThatAreNotThereAreReported(t *testing.T) {
	s := newSupervisor(Spec{Logs: t.TempDir()})
	if _, err := s.start(Program{Name: "absent", Path: "/does/not/exist"}); err == nil {
		t.Error("a missing program was started")
	}
	if len(s.waiting) != 0 {
		t.Errorf("%d programs are waited for", len(s.waiting))
	}
}

// runOnce runs a shell script as a program does, and reaps it as PID 1 does.
func runOnce(t *testing.T, s *supervisor, script string) syscall.WaitStatus {
	t.Helper()
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	defer signal.Stop(children)
	ended, err := s.start(Program{Name: "example", Path: "/bin/sh", Args: []string{"-c", script, "example"}})
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.After(timeout); ; {
		select {
		case <-children:
			s.reap()
		case status := <-ended:
			return status
		case <-deadline:
			t.Fatal("the program's end was not detected")
		}
	}
}
