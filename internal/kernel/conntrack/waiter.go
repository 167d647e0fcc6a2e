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

// waiter waits for a socket to become readable, or for a time to pass. Between two waits it is disarmed: datagrams that
// arrive then do not wake a thread. A listener of many events would otherwise spend more time on waking up than on
// reading.
//
// The waiter is an epoll instance that is registered with Go's poller, so that waiting occupies no thread. It watches
// the socket, which it reports once after each arming, and a timer, since Go's timers are too coarse.
type waiter struct {
	socket   int
	timer    int
	file     *os.File
	raw      syscall.RawConn
	duration time.Duration // the length of the current wait; 0 waits for the socket
	waiting  bool
	failed   error
	// These are the arguments of system calls.
	events [2]unix.EpollEvent
	once   unix.EpollEvent
	at     unix.ItimerSpec
	// poll is the bound method pollOnce. It is created once, because a closure for each call would be garbage.
	poll func(fd uintptr) bool
}

func openWaiter(socket int) (*waiter, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("opening epoll: %w", err)
	}
	if err := unix.SetNonblock(epoll, true); err != nil { // os.NewFile adds only non-blocking files to the poller
		return nil, errors.Join(fmt.Errorf("preparing epoll: %w", err), unix.Close(epoll))
	}
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening timer: %w", err), unix.Close(epoll))
	}
	w := &waiter{socket: socket, timer: timer, file: os.NewFile(uintptr(epoll), "conntrack events")}
	w.poll = w.pollOnce
	if err := w.prepare(epoll); err != nil {
		return nil, errors.Join(fmt.Errorf("preparing epoll: %w", err), w.close())
	}
	return w, nil
}

func (w *waiter) prepare(epoll int) (err error) {
	if w.raw, err = w.file.SyscallConn(); err != nil {
		return err
	}
	timer := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(w.timer)}
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, w.timer, &timer); err != nil {
		return err
	}
	return unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, w.socket, &unix.EpollEvent{Fd: int32(w.socket)})
}

// waitReadable waits until the socket is readable.
func (w *waiter) waitReadable() error { return w.wait(0) }

// sleep waits for a time, whether the socket is readable or not.
func (w *waiter) sleep(d time.Duration) error { return w.wait(max(d, 1)) }

func (w *waiter) wait(d time.Duration) error {
	w.duration, w.waiting, w.failed = d, false, nil
	if err := w.raw.Read(w.poll); err != nil {
		return err
	}
	return w.failed
}

// pollOnce arms the waiter when a wait calls it for the first time. Later calls report whether the wait is over. It
// must arm within Read, because Read discards earlier readiness.
func (w *waiter) pollOnce(fd uintptr) (over bool) {
	if !w.waiting {
		w.waiting = true
		w.failed = w.arm(fd)
		return w.failed != nil
	}
	n, err := nonblocking(unix.SYS_EPOLL_PWAIT, fd, uintptr(unsafe.Pointer(&w.events[0])), uintptr(len(w.events)), 0)
	if err != nil && !errors.Is(err, unix.EINTR) {
		w.failed = fmt.Errorf("waiting for conntrack events: %w", err)
	}
	return n > 0 || w.failed != nil
}

// arm requests one report of the socket or the timer.
func (w *waiter) arm(epoll uintptr) error {
	if w.duration > 0 {
		w.at.Value = unix.NsecToTimespec(w.duration.Nanoseconds())
		_, err := nonblocking(unix.SYS_TIMERFD_SETTIME, uintptr(w.timer), 0, uintptr(unsafe.Pointer(&w.at)), 0)
		if err != nil {
			return fmt.Errorf("setting timer: %w", err)
		}
		return nil
	}
	w.once = unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: int32(w.socket)}
	_, err := nonblocking(unix.SYS_EPOLL_CTL, epoll, unix.EPOLL_CTL_MOD, uintptr(w.socket),
		uintptr(unsafe.Pointer(&w.once)))
	if err != nil {
		return fmt.Errorf("asking for conntrack events: %w", err)
	}
	return nil
}

// setDeadline makes current and later waits fail from the given time on. The zero time removes the deadline.
func (w *waiter) setDeadline(at time.Time) error { return w.file.SetReadDeadline(at) }

func (w *waiter) close() error { return errors.Join(w.file.Close(), unix.Close(w.timer)) }
