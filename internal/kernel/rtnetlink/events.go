package rtnetlink

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrOverrun reports that the kernel dropped events because they were not read in time.
var ErrOverrun = errors.New("events of the kernel were lost")

// events receives the notifications of some groups. The kernel queues the notification of a request before it answers
// the request.
type events struct {
	about  string
	file   *os.File
	raw    syscall.RawConn
	buffer []byte
}

const (
	// eventQueue is the size of the queue in the kernel. It holds some 4,000 events.
	eventQueue = 4 << 20
	// largestEvent is more than an event of an interface, which has several kilobytes.
	largestEvent = 64 << 10
)

// openEvents starts to receive the groups in the network namespace of the calling thread.
func openEvents(about string, groups ...uint) (*events, error) {
	e, err := subscribe(groups)
	if err != nil {
		return nil, fmt.Errorf("subscribing to changes of %s: %w", about, err)
	}
	e.about = about
	return e, nil
}

func subscribe(groups []uint) (*events, error) {
	// Non-blocking, so that Go's poller watches the socket.
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	var bits uint32
	for _, g := range groups {
		bits |= 1 << (g - 1)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: bits}); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	// The forced size needs NET_ADMIN in the initial user namespace. A smaller queue overruns sooner.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, eventQueue) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, eventQueue); err != nil {
			return nil, errors.Join(err, unix.Close(fd))
		}
	}
	file := os.NewFile(uintptr(fd), "events")
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &events{file: file, raw: raw, buffer: make([]byte, largestEvent)}, nil
}

// Wait waits until there are events. It fails with os.ErrDeadlineExceeded when the time of WakeAt has come, and with
// another error once the receiver is closed.
func (e *events) Wait() error {
	return e.raw.Read(func(fd uintptr) bool {
		polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(polled, 0)
		return n > 0 || err != nil && !errors.Is(err, unix.EINTR)
	})
}

// WakeAt makes Wait fail at a time, also a call that waits already. With the zero time it waits for events alone.
func (e *events) WakeAt(t time.Time) error { return e.file.SetReadDeadline(t) }

// read calls visit for each message that waits, in order. It does not wait. Only one caller at a time may use it.
func (e *events) read(visit func(syscall.NetlinkMessage) error) error {
	overrun := false
	for {
		n, err := e.receive()
		switch {
		case errors.Is(err, unix.EAGAIN) && overrun:
			return ErrOverrun
		case errors.Is(err, unix.EAGAIN):
			return nil
		case errors.Is(err, unix.ENOBUFS):
			overrun = true
			continue
		}
		if err == nil {
			err = visitMessages(e.buffer[:n], visit)
		}
		if err != nil {
			return fmt.Errorf("receiving changes of %s: %w", e.about, err)
		}
	}
}

func visitMessages(datagram []byte, visit func(syscall.NetlinkMessage) error) error {
	messages, err := syscall.ParseNetlinkMessage(datagram)
	if err != nil {
		return err
	}
	for _, m := range messages {
		if err := visit(m); err != nil {
			return err
		}
	}
	return nil
}

// receive reads one datagram of the kernel without waiting.
func (e *events) receive() (length int, err error) {
	failed := e.raw.Control(func(fd uintptr) {
		for {
			var from unix.Sockaddr
			length, from, err = unix.Recvfrom(int(fd), e.buffer, unix.MSG_DONTWAIT)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if kernel, ok := from.(*unix.SockaddrNetlink); err == nil && (!ok || kernel.Pid != 0) {
				continue // only the kernel is trusted
			}
			return
		}
	})
	return length, errors.Join(failed, err)
}

// Close ends the receiver.
func (e *events) Close() error { return e.file.Close() }
