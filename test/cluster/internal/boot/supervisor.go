package boot

import (
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// restartDelay prevents a program that ends at once from using up the machine.
const restartDelay = time.Second

// supervisor keeps programs running and reaps every process that ends: its own children and orphaned ones.
//
// Only one part of a process can wait for children without stealing those of another. So the programs are started and
// waited for here directly, and nothing in PID 1 uses os/exec.
type supervisor struct {
	spec Spec

	mu      sync.Mutex // held during a start, so that no end is handled before the program is registered
	waiting map[int]chan<- syscall.WaitStatus
}

func newSupervisor(spec Spec) *supervisor {
	return &supervisor{spec: spec, waiting: map[int]chan<- syscall.WaitStatus{}}
}

// run runs the programs and never returns, because PID 1 must not end. It logs a program that cannot start, and tries
// again.
func (s *supervisor) run() error {
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	for _, program := range s.spec.Programs {
		go s.keep(program)
	}
	for range children {
		s.reap()
	}
	return nil
}

// keep starts a program when its condition holds, and again whenever it ends.
func (s *supervisor) keep(program Program) {
	if err := program.When.await(); err != nil {
		log.Printf("Starting %s although its condition does not hold: %v", program.Name, err)
	}
	for {
		ended, err := s.start(program)
		if err != nil {
			log.Printf("Starting %s failed: %v", program.Name, err)
		} else {
			log.Printf("Started %s", program.Name)
			log.Printf("%s ended: %s", program.Name, describe(<-ended))
		}
		time.Sleep(restartDelay)
	}
}

func (s *supervisor) start(program Program) (<-chan syscall.WaitStatus, error) {
	output, err := os.OpenFile(filepath.Join(s.spec.Logs, program.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() { _ = output.Close() }()
	input, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer func() { _ = input.Close() }()

	s.mu.Lock()
	defer s.mu.Unlock()
	pid, err := syscall.ForkExec(program.Path, append([]string{program.Name}, program.Args...), &syscall.ProcAttr{
		Dir:   "/",
		Env:   []string{"PATH=" + s.spec.Path, "HOME=/root"},
		Files: []uintptr{input.Fd(), output.Fd(), output.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return nil, err
	}
	ended := make(chan syscall.WaitStatus, 1)
	s.waiting[pid] = ended
	return ended, nil
}

// reap collects every process that has ended. Several ends may share one signal.
func (s *supervisor) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		s.mu.Lock()
		ended := s.waiting[pid]
		delete(s.waiting, pid)
		s.mu.Unlock()
		if ended != nil {
			ended <- status
		}
	}
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return fmt.Sprintf("signal %s", status.Signal())
	}
	return fmt.Sprintf("exit code %d", status.ExitStatus())
}
