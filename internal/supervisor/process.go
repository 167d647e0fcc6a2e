package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

// process is the running process of a daemon, with a process group of its own. One goroutine uses it.
type process struct {
	daemon   Daemon
	output   *os.File
	children *Children
	// group is the process group; 0 before the first start.
	group int
}

// RemoveLeftovers removes the files that an earlier process has left, such as its socket. They need not exist.
func RemoveLeftovers(files ...string) error {
	for _, file := range files {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing what an earlier process left: %w", err)
		}
	}
	return nil
}

// start starts the process. The channel gets why it has ended, or why it could not be started.
func (p *process) start(exited chan<- string) {
	if p.daemon.Prepare != nil {
		if err := p.daemon.Prepare(); err != nil {
			exited <- fmt.Sprintf("preparing the start: %v", err)
			return
		}
	}
	cmd := exec.Command(p.daemon.Command[0], p.daemon.Command[1:]...)
	cmd.Env = p.daemon.Environment
	if p.output != nil {
		cmd.Stdout, cmd.Stderr = p.output, p.output
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.children.start(cmd); err != nil {
		exited <- err.Error()
		return
	}
	group := cmd.Process.Pid
	p.group = group
	go func() {
		reason := "exit status 0"
		if err := p.children.wait(cmd); err != nil {
			reason = err.Error()
		}
		// What the daemon has started must not meet its successor.
		_ = syscall.Kill(-group, syscall.SIGKILL)
		exited <- reason
	}()
}

// terminate asks the daemon to end. One that is Abrupt is not asked.
func (p *process) terminate() {
	if p.daemon.Abrupt {
		p.kill()
		return
	}
	p.signal(syscall.SIGTERM)
}

func (p *process) kill() { p.signal(syscall.SIGKILL) }

// signal signals the whole group. A group that has ended is no error, because the end may be on its way to the runner.
func (p *process) signal(s syscall.Signal) {
	if p.group > 0 {
		_ = syscall.Kill(-p.group, s)
	}
}
