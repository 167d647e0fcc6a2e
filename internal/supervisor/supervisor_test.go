package supervisor

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"

	"github.com/hapair-io/hapair/internal/supervisor/lifecycle"
)

// patience bounds what happens within milliseconds on an idle machine.
const patience = 30 * time.Second

func quick() lifecycle.Policy {
	p := lifecycle.DefaultPolicy()
	p.StartInterval, p.ProbeInterval = 5*time.Millisecond, 10*time.Millisecond
	p.InitialPause, p.MaxPause = 10*time.Millisecond, 10*time.Millisecond
	p.StopTimeout = 200 * time.Millisecond
	return p
}

// shell runs a script as a daemon, which writes its process ID to a file. The daemon answers if the file exists.
type shell struct {
	pidFile string
	*Supervisor
	ended chan error
}

func start(t *testing.T, ctx context.Context, script string, changes ...func(*Daemon)) *shell { //nolint:revive,lll // t is first in tests
	t.Helper()
	s := &shell{pidFile: filepath.Join(t.TempDir(), "pid"), ended: make(chan error, 1)}
	c := Config{
		Daemons: []Daemon{{
			Name: "shell", Command: []string{"/bin/sh", "-c", "echo $$ > " + s.pidFile + ".new; mv " + s.pidFile + ".new " +
				s.pidFile + "\n" + script},
			Environment: []string{"PATH=/usr/bin:/bin"},
			Prepare: func() error {
				if err := os.Remove(s.pidFile); !errors.Is(err, os.ErrNotExist) {
					return err
				}
				return nil
			},
			Probe: func(context.Context) error {
				_, err := os.Stat(s.pidFile)
				return err
			},
		}},
		Policy: quick(), ProbeTimeout: time.Second, Log: testr.New(t),
	}
	for _, change := range changes {
		change(&c.Daemons[0])
	}
	s.Supervisor = New(c)
	go func() { s.ended <- s.Run(ctx) }()
	return s
}

func (s *shell) pid() int {
	content, _ := os.ReadFile(s.pidFile)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(content)))
	return pid
}

func (s *shell) isRunning(restarts int) bool {
	d := s.Report().Daemons[0]
	return d.Phase == lifecycle.Running && d.Restarts == restarts
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

func (s *shell) end(t *testing.T, cancel func()) {
	t.Helper()
	cancel()
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
	if got := s.Report().Daemons[0].Phase; got != lifecycle.Stopped {
		t.Errorf("got the phase %s, want Stopped", got)
	}
}

func TestKilledDaemonIsRestarted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := start(t, ctx, "exec sleep 1000")
	for i := range 3 {
		eventually(t, "the daemon runs", func() bool { return s.isRunning(i) })
		if got := s.Report().Unhealthy(); got != "" {
			t.Errorf("got %q, want healthy", got)
		}
		if err := syscall.Kill(s.pid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the daemon runs", func() bool { return s.isRunning(3) })
	if got := s.Report().Daemons[0].LastExit; got != "signal: killed" {
		t.Errorf("got the last exit %q", got)
	}
	s.end(t, cancel)
}

// TestWholeGroupEnds has a daemon that ignores SIGTERM, with a child that ignores it too.
func TestWholeGroupEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := start(t, ctx, "trap '' TERM; sleep 1000 & echo $! > "+filepath.Join(t.TempDir(), "x")+"; wait; sleep 1000")
	eventually(t, "the daemon runs", func() bool { return s.isRunning(0) })
	group := s.pid()
	s.end(t, cancel)
	eventually(t, "the group has ended", func() bool { return !lives(t, group) })
}

// lives reports whether a process group has a process that has not ended. One that has ended may wait for its parent.
func lives(t *testing.T, group int) bool {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, _ := os.ReadFile(file) // It may have gone.
		fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:]))
		if len(fields) > 2 && fields[0] != "Z" && fields[2] == strconv.Itoa(group) {
			return true
		}
	}
	return false
}

// TestOrphansAreReaped has a daemon whose children start processes and leave them behind.
func TestOrphansAreReaped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	orphans := filepath.Join(t.TempDir(), "orphans")
	s := start(t, ctx, "for i in 1 2 3 4 5; do (sh -c 'echo $$; exit' >> "+orphans+" &); done; exec sleep 1000")
	var pids []string
	eventually(t, "five orphans have started", func() bool {
		content, _ := os.ReadFile(orphans)
		pids = strings.Fields(string(content))
		return len(pids) == 5
	})
	eventually(t, "no orphan is left", func() bool {
		for _, pid := range pids {
			if _, err := os.Stat("/proc/" + pid); err == nil {
				return false
			}
		}
		return true
	})
	s.end(t, cancel)
}

func TestDaemonThatDoesNotStartIsReported(t *testing.T) {
	s := New(Config{
		Daemons: []Daemon{{Name: "missing", Command: []string{"/nonexistent/daemon"}}}, Policy: quick(), Log: testr.New(t),
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	eventually(t, "it was tried three times", func() bool { return s.Report().Daemons[0].Restarts >= 3 })
	if got := s.Report().Unhealthy(); !strings.Contains(got, "/nonexistent/daemon: no such file") {
		t.Errorf("got %q", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestParseStat(t *testing.T) {
	for content, want := range map[string]struct {
		pid, parent int
		isZombie    bool
	}{
		"7 (sh) Z 1 7":        {7, 1, true},
		"7 (sh) S 1 7":        {7, 1, false},
		"7 (a) Z 9 b) Z 3 7":  {7, 3, true},
		"":                    {},
		"7":                   {},
		"x (sh) Z 1 7":        {0, 1, false},
		"7 (sh) Z":            {},
		"7 (sh) Z y 7 7 7 7 ": {7, 0, false},
	} {
		pid, parent, isZombie := parseStat([]byte(content))
		if pid != want.pid || parent != want.parent || isZombie != want.isZombie {
			t.Errorf("%q: got %d, %d, %t", content, pid, parent, isZombie)
		}
	}
}

// A daemon may have to wait for something before it ends.
func TestLingeringDaemonRuns(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	lingers, mayEnd := make(chan struct{}), make(chan struct{})
	s := start(t, ctx, "exec sleep 1000", func(d *Daemon) {
		d.Linger = func() {
			close(lingers)
			<-mayEnd
		}
	})
	eventually(t, "the daemon runs", func() bool { return s.isRunning(0) })
	cancel()
	<-lingers
	if !s.isRunning(0) || syscall.Kill(s.pid(), 0) != nil {
		t.Errorf("the daemon has ended: %+v", s.Report())
	}
	close(mayEnd)
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
	if err := syscall.Kill(s.pid(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("got %v, want that the daemon has ended", err)
	}
}
