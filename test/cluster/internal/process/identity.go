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

// Identity names one process for as long as the machine runs: numbers are used again, a number with its time of start
// is not.
type Identity struct {
	PID     int    `json:"pid"`
	Started uint64 `json:"started"` // in clock ticks since the machine's start
	BootID  string `json:"bootID"`  // of the machine: ticks start anew when it does
}

// bootIDFile is a random number that the kernel draws when it starts.
const bootIDFile = "/proc/sys/kernel/random/boot_id"

// ErrEnded is what Identify returns for a process that is no more, or only waits for its parent to notice that.
var ErrEnded = errors.New("the process has ended")

// Identify finds out who runs under a number now.
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

// maxLooks bounds how often a process is looked at that is in between.
const maxLooks = 10

// startOf is when a process was started that runs. What /proc has is of its first thread. Where another thread executes
// a program, the first one is dead for a moment, beside the other, and may then be caught leaving for good while the
// other takes its number.
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

// stat is what /proc/PID/stat tells, see proc_pid_stat(5).
type stat struct {
	started uint64 // in clock ticks since the machine's start
	dead    bool   // the first thread is
	threads int    // of the process; 0 while the first one leaves for good
}

// parseStat reads the file. The program's name is in parentheses and may hold anything, parentheses included.
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

// Signal sends a signal; to a process that has ended it is sent in vain.
func (id Identity) Signal(signal unix.Signal) error {
	return id.hold(func(handle int) error { return send(handle, signal) })
}

// Kill ends the process with SIGKILL and waits until it is gone; of PID 1 of a namespace, everything in it goes first.
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

// hold acts on the process, if it still runs, by a handle that cannot come to mean another.
func (id Identity) hold(act func(handle int) error) error {
	// The handle holds on to whoever has the number now: who that is can be asked after without a race.
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
