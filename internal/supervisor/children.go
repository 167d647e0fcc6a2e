package supervisor

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"
)

// Children are the processes that this program has started. All others below it are orphans, and are reaped when they
// end. Waiting for any child instead would take the result of a process from the goroutine that waits for it.
type Children struct {
	mu  sync.Mutex
	own map[int]bool
}

// NewChildren returns a set without processes.
func NewChildren() *Children { return &Children{own: map[int]bool{}} }

// Run runs a command and waits for its end, as exec.Cmd.Run does.
func (c *Children) Run(cmd *exec.Cmd) error {
	if err := c.start(cmd); err != nil {
		return err
	}
	return c.wait(cmd)
}

// start starts a command. The lock keeps the reaper away until the process is known.
func (c *Children) start(cmd *exec.Cmd) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	c.own[cmd.Process.Pid] = true
	return nil
}

// wait waits for the end of a command, as exec.Cmd.Wait does.
func (c *Children) wait(cmd *exec.Cmd) error {
	err := cmd.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.own, cmd.Process.Pid)
	return err
}

// Reap makes this process the parent of orphans, and reaps them until stop is called.
func (c *Children) Reap(log logr.Logger) (stop func(), err error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("becoming the parent of orphaned processes: %w", err)
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	var reaper sync.WaitGroup
	reaper.Go(func() {
		for range ended {
			if err := c.reap(); err != nil {
				log.Error(err, "Reaping orphaned processes")
			}
		}
	})
	return func() {
		signal.Stop(ended)
		close(ended)
		reaper.Wait()
	}, nil
}

// reap reaps the orphans that have ended.
func (c *Children) reap() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(files) == 0 {
		return fmt.Errorf("listing processes in /proc: %d found, %w", len(files), err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended, and another process has reaped it
		}
		pid, parent, isZombie := parseStat(content)
		if !isZombie || parent != os.Getpid() || c.own[pid] {
			continue
		}
		if _, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil); err != nil {
			return fmt.Errorf("reaping process %d: %w", pid, err)
		}
	}
	return nil
}

// parseStat parses /proc/PID/stat (proc_pid_stat(5)): the process, its parent, and whether it has ended. The name is in
// parentheses, and may contain some itself.
func parseStat(content []byte) (pid, parent int, isZombie bool) {
	head, _, _ := bytes.Cut(content, []byte(" "))
	fields := bytes.Fields(content[bytes.LastIndexByte(content, ')')+1:])
	if len(fields) < 2 {
		return 0, 0, false
	}
	pid, pidErr := strconv.Atoi(string(head))
	parent, parentErr := strconv.Atoi(string(fields[1]))
	return pid, parent, pidErr == nil && parentErr == nil && string(fields[0]) == "Z"
}
