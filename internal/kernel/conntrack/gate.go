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

// gate is where whoever reads a socket waits for it, or for a moment in time. Between two waits it is closed: whatever
// the socket receives then wakes nobody. Woken for each event, a reader of many would spend more on waking than on
// reading.
//
// It is an epoll instance that waits in Go's poller, so that waiting takes no thread, and has two things in it: the
// socket, which it reports once for each time that it is asked to, and a timer, since Go's own are too coarse.
type gate struct {
	socket  int
	timer   int
	file    *os.File
	raw     syscall.RawConn
	moment  time.Duration // until when the wait that begins lasts; 0 is until the socket has something
	waiting bool
	failed  error
	// What system calls are passed.
	events [2]unix.EpollEvent
	once   unix.EpollEvent
	at     unix.ItimerSpec
	// look is made once: a closure made for each call would be garbage.
	look func(fd uintptr) bool
}

func openGate(socket int) (*gate, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("opening epoll: %w", err)
	}
	if err := unix.SetNonblock(epoll, true); err != nil { // os.NewFile takes it for a sign of what can be polled
		return nil, errors.Join(fmt.Errorf("preparing epoll: %w", err), unix.Close(epoll))
	}
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening timer: %w", err), unix.Close(epoll))
	}
	g := &gate{socket: socket, timer: timer, file: os.NewFile(uintptr(epoll), "conntrack events")}
	g.look = g.lookOnce
	if err := g.prepare(epoll); err != nil {
		return nil, errors.Join(fmt.Errorf("preparing epoll: %w", err), g.close())
	}
	return g, nil
}

func (g *gate) prepare(epoll int) (err error) {
	if g.raw, err = g.file.SyscallConn(); err != nil {
		return err
	}
	timer := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(g.timer)}
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, g.timer, &timer); err != nil {
		return err
	}
	return unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, g.socket, &unix.EpollEvent{Fd: int32(g.socket)})
}

// await waits until the socket has something.
func (g *gate) await() error { return g.wait(0) }

// pause waits for a time, whatever the socket has.
func (g *gate) pause(d time.Duration) error { return g.wait(max(d, 1)) }

func (g *gate) wait(d time.Duration) error {
	g.moment, g.waiting, g.failed = d, false, nil
	if err := g.raw.Read(g.look); err != nil {
		return err
	}
	return g.failed
}

// lookOnce begins to wait, the first time that it is called in a wait, and then tells whether the wait is over. It must
// begin within Read, which forgets what was reported before.
func (g *gate) lookOnce(fd uintptr) (over bool) {
	if !g.waiting {
		g.waiting = true
		g.failed = g.open(fd)
		return g.failed != nil
	}
	n, err := nowait(unix.SYS_EPOLL_PWAIT, fd, uintptr(unsafe.Pointer(&g.events[0])), uintptr(len(g.events)), 0)
	if err != nil && !errors.Is(err, unix.EINTR) {
		g.failed = fmt.Errorf("waiting for conntrack events: %w", err)
	}
	return n > 0 || g.failed != nil
}

// open asks for one report.
func (g *gate) open(epoll uintptr) error {
	if g.moment > 0 {
		g.at.Value = unix.NsecToTimespec(g.moment.Nanoseconds())
		_, err := nowait(unix.SYS_TIMERFD_SETTIME, uintptr(g.timer), 0, uintptr(unsafe.Pointer(&g.at)), 0)
		if err != nil {
			return fmt.Errorf("setting timer: %w", err)
		}
		return nil
	}
	g.once = unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: int32(g.socket)}
	_, err := nowait(unix.SYS_EPOLL_CTL, epoll, unix.EPOLL_CTL_MOD, uintptr(g.socket), uintptr(unsafe.Pointer(&g.once)))
	if err != nil {
		return fmt.Errorf("asking for conntrack events: %w", err)
	}
	return nil
}

// deadline ends waiting, now and later, from the moment on; the zero time takes it away.
func (g *gate) deadline(at time.Time) error { return g.file.SetReadDeadline(at) }

func (g *gate) close() error { return errors.Join(g.file.Close(), unix.Close(g.timer)) }
