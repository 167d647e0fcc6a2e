package conformance

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a run of the provider under test.
type process struct {
	command *exec.Cmd
	output  *tail
	ended   chan struct{}
	err     error // of the end; valid after ended is closed
}

// startProcess starts the provider in a process group of its own, so that stop reaches all of it.
func startProcess(command []string, socket string, output *tail) (*process, error) {
	arguments := make([]string, len(command))
	for i, argument := range command {
		arguments[i] = strings.ReplaceAll(argument, "{socket}", socket)
	}
	p := &process{command: exec.Command(arguments[0], arguments[1:]...), output: output, ended: make(chan struct{})}
	p.command.Env = append(os.Environ(), "HAPAIR_SOCKET="+socket)
	p.command.Stdout, p.command.Stderr = output, output
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// Children of the provider may keep its output open.
	p.command.WaitDelay = time.Second
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("starting the provider: %w", err)
	}
	go func() {
		defer close(p.ended)
		p.err = p.command.Wait()
	}()
	return p, nil
}

// kill ends the provider and its children without a warning, and waits for it.
func (p *process) kill() {
	_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL) // it may have ended
	<-p.ended
}

// terminate sends SIGTERM to the provider alone, as the kubelet does, and waits for its end.
func (p *process) terminate(patience time.Duration) error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("sending SIGTERM: %w", err)
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("the provider runs %s after SIGTERM; end within that time", patience)
	}
}

// check returns an error if the provider has ended.
func (p *process) check() error {
	select {
	case <-p.ended:
		return errors.Join(errors.New("the provider ended by itself"), p.err)
	default:
		return nil
	}
}

// tail keeps the end of what is written to it.
type tail struct {
	mutex sync.Mutex
	text  []byte
}

const maxTail = 8 << 10

// Write appends text and forgets what is too old.
func (t *tail) Write(text []byte) (int, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.text = append(t.text, text...)
	if excess := len(t.text) - maxTail; excess > 0 {
		t.text = append([]byte(nil), t.text[excess:]...)
	}
	return len(text), nil
}

// String returns the text that was kept.
func (t *tail) String() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return string(t.text)
}
