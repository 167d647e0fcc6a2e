package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Identity identifies one process for as long as the machine runs. Process IDs are reused, but not together with the
// same start time.
type Identity struct {
	PID     int    `json:"pid"`
	Started uint64 `json:"started"` // in clock ticks since the machine's start
	BootID  string `json:"bootID"`  // of the machine: ticks restart with it
}

// bootIDFile has a random number that the kernel generates at its start.
const bootIDFile = "/proc/sys/kernel/random/boot_id"

// ErrEnded is returned by Identify for a process that has ended, even if its parent has not collected it yet.
var ErrEnded = errors.New("the process has ended")

// Identify returns the identity of the process that has an ID now.
func Identify(pid int) (Identity, error) {
	started, err := startOf(pid)
	if err != nil {
		return Identity{}, err
	}
	boot, err := os.ReadFile(bootIDFile)
	if err != nil {
		return Identity{}, fmt.Errorf("identifying process %d: %w", pid, err)
	}
	return Identity{PID: pid, Started: started, BootID: strings.TrimSpace(string(boot))}, nil
}

// maxLooks bounds how often a process in transition is read.
const maxLooks = 10

// startOf returns the start time of a running process. /proc describes its first thread. When another thread executes a
// program, the first thread is dead for a moment while the other takes its ID, and the process looks as if it had
// ended.
func startOf(pid int) (uint64, error) {
	for range maxLooks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			return 0, ErrEnded
		}
		if err != nil {
			return 0, fmt.Errorf("identifying process %d: %w", pid, err)
		}
		s, err := parseStat(string(text))
		if err != nil {
			return 0, fmt.Errorf("identifying process %d: %w", pid, err)
		}
		switch {
		case !s.dead || s.threads > 1:
			return s.started, nil
		case s.threads == 1:
			return 0, ErrEnded
		}
	}
	return 0, ErrEnded
}

// stat is the content of /proc/PID/stat, see proc_pid_stat(5).
type stat struct {
	started uint64 // in clock ticks since the start of the machine
	dead    bool   // whether the first thread is dead
	threads int    // of the process; 0 while the first thread exits
}

// parseStat parses the file. The program's name is in parentheses and may contain anything, including parentheses.
func parseStat(text string) (s stat, err error) {
	end := strings.LastIndexByte(text, ')')
	if end < 0 {
		return s, fmt.Errorf("unknown format of stat: %q", text)
	}
	// Fields 3, 20 and 22, counted from behind the name, which is the second.
	const state, threads, startTime = 0, 17, 19
	fields := strings.Fields(text[end+1:])
	if len(fields) <= startTime {
		return s, fmt.Errorf("unknown format of stat: %q", text)
	}
	s.dead = fields[state] == "Z" || fields[state] == "X"
	if s.threads, err = strconv.Atoi(fields[threads]); err != nil {
		return s, fmt.Errorf("unknown format of stat: %q", text)
	}
	if s.started, err = strconv.ParseUint(fields[startTime], 10, 64); err != nil {
		return s, fmt.Errorf("unknown format of stat: %q", text)
	}
	return s, nil
}

// Running reports whether the process still runs.
func (id Identity) Running() bool {
	now, err := Identify(id.PID)
	return err == nil && now == id
}

// Signal sends a signal. It does nothing if the process has ended.
func (id Identity) Signal(signal unix.Signal) error {
	return id.hold(func(handle int) error { return send(handle, signal) })
}

// Kill kills the process and waits until it has ended. For PID 1 of a namespace, everything in the namespace ends
// first.
func (id Identity) Kill(ctx context.Context) error {
	return id.hold(func(handle int) error {
		if err := send(handle, unix.SIGKILL); err != nil {
			return fmt.Errorf("ending process %d: %w", id.PID, err)
		}
		if err := awaitEnd(ctx, handle); err != nil {
			return fmt.Errorf("waiting for process %d to end: %w", id.PID, err)
		}
		return nil
	})
}

// hold runs act with a handle of the process, if it still runs. The handle never refers to another process.
func (id Identity) hold(act func(handle int) error) error {
	// The handle holds on to the process that has the ID now. Its identity can then be checked without a race.
	handle, err := unix.PidfdOpen(id.PID, 0)
	if err == unix.ESRCH {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening process %d: %w", id.PID, err)
	}
	defer func() { _ = unix.Close(handle) }()
	if !id.Running() {
		return nil
	}
	return act(handle)
}

func send(handle int, signal unix.Signal) error {
	err := unix.PidfdSendSignal(handle, signal, nil, 0)
	if err == unix.ESRCH {
		return nil
	}
	return err
}

// awaitEnd waits for a process that need not be a child.
func awaitEnd(ctx context.Context, handle int) error {
	const pollMilliseconds = 50
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}, pollMilliseconds)
		if err != nil && err != unix.EINTR {
			return err
		}
		if n > 0 {
			return nil
		}
	}
}
