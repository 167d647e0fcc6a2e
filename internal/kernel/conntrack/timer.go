package conntrack

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// timer sleeps for less than a millisecond, for which Go's timers are too coarse. It is a timer of the kernel that is
// registered with Go's poller, so that sleeping occupies no thread.
type timer struct {
	file   *os.File
	raw    syscall.RawConn
	armed  bool // in the current sleep
	failed error
	// These are the arguments of system calls.
	setting     unix.ItimerSpec
	expirations [8]byte
	// poll is the bound method pollOnce. It is created once, because a closure for each call would be garbage.
	poll func(fd uintptr) bool
}

func openTimer() (*timer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("opening timer: %w", err)
	}
	t := &timer{file: os.NewFile(uintptr(fd), "timer")}
	t.poll = t.pollOnce
	if t.raw, err = t.file.SyscallConn(); err != nil {
		return nil, errors.Join(fmt.Errorf("preparing timer: %w", err), t.close())
	}
	return t, nil
}

// sleep waits for a time. It fails with os.ErrDeadlineExceeded after the deadline.
func (t *timer) sleep(d time.Duration) error {
	t.setting.Value = unix.NsecToTimespec(max(d, 1).Nanoseconds()) // 0 would disarm the timer
	t.armed, t.failed = false, nil
	if err := t.raw.Read(t.poll); err != nil {
		return err
	}
	return t.failed
}

// pollOnce arms the timer when a sleep calls it for the first time. Later calls report whether the timer has expired.
func (t *timer) pollOnce(fd uintptr) (over bool) {
	var err error
	if t.armed {
		err = nonblocking(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&t.expirations[0])), uintptr(len(t.expirations)), 0)
		over = !errors.Is(err, unix.EAGAIN)
	} else {
		err = nonblocking(unix.SYS_TIMERFD_SETTIME, fd, 0, uintptr(unsafe.Pointer(&t.setting)), 0)
		t.armed, over = true, err != nil
	}
	if over && err != nil {
		t.failed = fmt.Errorf("sleeping: %w", err)
	}
	return over
}

// setDeadline makes current and later sleeps fail from the given time on. The zero time removes the deadline.
func (t *timer) setDeadline(at time.Time) error { return t.file.SetReadDeadline(at) }

func (t *timer) close() error { return t.file.Close() }
