package testbed

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Run runs a command inside the namespace and returns its output. Spaces separate the words of the line.
func (n *Namespace) Run(t testing.TB, line string) string {
	t.Helper()
	out, err := n.Try(line)
	if err != nil {
		t.Fatalf("Running %s in %s: %v: %s", line, n.Name, err, out)
	}
	return out
}

// Try runs a command inside the namespace. It returns what the command prints, also if it fails.
func (n *Namespace) Try(line string) (string, error) {
	words := strings.Fields(line)
	return n.Command(exec.Command(words[0], words[1:]...))
}

// Command runs a command inside the namespace to its end. It returns what the command prints, also if it fails.
func (n *Namespace) Command(command *exec.Cmd) (string, error) {
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err := n.Start(command)
	if err == nil {
		err = command.Wait()
	}
	return out.String(), err
}

// Background runs f until the test ends, and waits for it then.
func Background(t testing.TB, f func(ctx context.Context)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { f(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

// Log is what a program logs. The program writes it while the test reads it.
type Log struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write appends to the log.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns the log so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Program is a running program inside a namespace.
type Program struct {
	Log     Log
	command *exec.Cmd
	t       testing.TB
	ended   bool
}

// StartProgram starts a program. The end of the test kills it, and prints its log if the test has failed.
func (n *Namespace) StartProgram(t testing.TB, command *exec.Cmd) *Program {
	t.Helper()
	p := &Program{command: command, t: t}
	command.Stderr = &p.Log
	if err := n.Start(command); err != nil {
		t.Fatalf("Starting %s in %s: %v", command.Path, n.Name, err)
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s logged:\n%s", command.Path, &p.Log)
		}
	})
	return p
}

// PID returns the process ID.
func (p *Program) PID() int { return p.command.Process.Pid }

// OnlyChild returns the only child of a process. Each thread has the children that it has started.
func OnlyChild(of int) (int, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", of))
	if err != nil {
		return 0, err
	}
	var all []string
	for _, thread := range threads {
		content, _ := os.ReadFile(thread) // A thread may have ended.
		all = append(all, strings.Fields(string(content))...)
	}
	if len(all) != 1 {
		return 0, fmt.Errorf("process %d has the children %q, want one", of, all)
	}
	return strconv.Atoi(all[0])
}

// Kill ends the program without a warning, if it was started and has not ended.
func (p *Program) Kill() {
	if p == nil || p.ended {
		return
	}
	p.ended = true
	_ = p.command.Process.Kill()
	_ = p.command.Wait() // It was killed.
}

// Terminate ends the program as a kubelet does, and fails the test if it ends with an error.
func (p *Program) Terminate() {
	p.t.Helper()
	if p.ended {
		return
	}
	p.ended = true
	p.Signal(syscall.SIGTERM)
	if err := p.command.Wait(); err != nil {
		p.t.Errorf("%s ended with %v", p.command.Path, err)
	}
}

// Signal sends a signal to the program.
func (p *Program) Signal(signal syscall.Signal) {
	p.t.Helper()
	if err := p.command.Process.Signal(signal); err != nil {
		p.t.Errorf("Signalling %s: %v", p.command.Path, err)
	}
}

// Main builds programs of this module, and runs the tests with the directory that has them. It returns the exit code.
func Main(m *testing.M, use func(directory string), programs ...string) int {
	directory, err := os.MkdirTemp("", "hapair-t-programs-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(directory) }()
	out, err := exec.Command("go", append([]string{"build", "-o", directory}, programs...)...).CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "Building %v: %v\n%s", programs, err, out)
		return 1
	}
	use(directory)
	return m.Run()
}
