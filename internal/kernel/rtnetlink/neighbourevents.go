package rtnetlink

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrOverrun reports that the kernel dropped events because they were not read in time.
var ErrOverrun = errors.New("events of neighbours were lost")

// NeighbourEvent is a change of a neighbour.
type NeighbourEvent struct {
	Neighbour
	// Deleted is set if the entry is gone. Its state is then the last one. It is Failed if somebody removed the entry, or
	// if the kernel could not resolve it. With another state, the kernel flushed the interface or needed room.
	Deleted bool
}

// NeighbourEvents receives the changes of neighbours and interfaces. The kernel queues the event of a request before it
// answers the request.
type NeighbourEvents struct {
	file   *os.File
	raw    syscall.RawConn
	buffer []byte
}

const (
	// eventQueue is the size of the queue in the kernel. It holds a flush of some 4,000 entries.
	eventQueue = 4 << 20
	// largestEvent is more than an event of an interface, which has several kilobytes.
	largestEvent = 64 << 10
)

// FollowNeighbours calls changed after changes of interfaces, and after those of neighbours that concerns selects. It
// also does when the kernel dropped events. It returns when ctx ends or the socket fails.
func FollowNeighbours(
	ctx context.Context, concerns func(NeighbourEvent) bool, changed func(links, neighbours bool),
) error {
	events, err := OpenNeighbourEvents()
	if err != nil {
		return err
	}
	defer func() { _ = events.Close() }()
	defer context.AfterFunc(ctx, func() { _ = events.Close() })() // It ends Wait.
	for {
		if err := events.Wait(); err != nil {
			return err
		}
		neighbours := false
		links, err := events.Read(func(e NeighbourEvent) { neighbours = neighbours || concerns(e) })
		isOverrun := errors.Is(err, ErrOverrun)
		if err != nil && !isOverrun {
			return err
		}
		if links || neighbours || isOverrun {
			changed(links || isOverrun, neighbours || isOverrun)
		}
	}
}

// OpenNeighbourEvents starts to receive events of the network namespace of the calling thread.
func OpenNeighbourEvents() (*NeighbourEvents, error) {
	e, err := openNeighbourEvents()
	if err != nil {
		return nil, fmt.Errorf("subscribing to changes of neighbours: %w", err)
	}
	return e, nil
}

func openNeighbourEvents() (*NeighbourEvents, error) {
	// Non-blocking, so that Go's poller watches the socket.
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	groups := uint32(1<<(unix.RTNLGRP_NEIGH-1) | 1<<(unix.RTNLGRP_LINK-1))
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	// The forced size needs NET_ADMIN in the initial user namespace. A smaller queue overruns sooner.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, eventQueue) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, eventQueue); err != nil {
			return nil, errors.Join(err, unix.Close(fd))
		}
	}
	file := os.NewFile(uintptr(fd), "neighbours")
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &NeighbourEvents{file: file, raw: raw, buffer: make([]byte, largestEvent)}, nil
}

// Wait waits until there are events. It fails once the receiver is closed.
func (e *NeighbourEvents) Wait() error {
	return e.raw.Read(func(fd uintptr) bool {
		polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(polled, 0)
		return n > 0 || err != nil && !errors.Is(err, unix.EINTR)
	})
}

// Read calls visit for each change of a neighbour that has happened, in order, and returns whether interfaces have
// changed too. It does not wait. Only one caller at a time may use it.
func (e *NeighbourEvents) Read(visit func(NeighbourEvent)) (links bool, err error) {
	overrun := false
	for {
		n, err := e.receive()
		switch {
		case errors.Is(err, unix.EAGAIN):
			if overrun {
				return links, ErrOverrun
			}
			return links, nil
		case errors.Is(err, unix.ENOBUFS):
			overrun = true
			continue
		case err != nil:
			return links, fmt.Errorf("receiving changes of neighbours: %w", err)
		}
		changed, err := visitEvents(e.buffer[:n], visit)
		if err != nil {
			return links, fmt.Errorf("receiving changes of neighbours: %w", err)
		}
		links = links || changed
	}
}

// receive reads one datagram of the kernel without waiting.
func (e *NeighbourEvents) receive() (length int, err error) {
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

func visitEvents(datagram []byte, visit func(NeighbourEvent)) (links bool, err error) {
	messages, err := syscall.ParseNetlinkMessage(datagram)
	if err != nil {
		return false, err
	}
	for _, m := range messages {
		switch m.Header.Type {
		case unix.RTM_NEWLINK, unix.RTM_DELLINK:
			links = true
		case unix.RTM_NEWNEIGH, unix.RTM_DELNEIGH:
			n, ok, err := decodeNeighbour(m.Data)
			if err != nil {
				return links, err
			}
			if ok && n.Flags&Published == 0 {
				visit(NeighbourEvent{Neighbour: n, Deleted: m.Header.Type == unix.RTM_DELNEIGH})
			}
		}
	}
	return links, nil
}

// Close ends the receiver.
func (e *NeighbourEvents) Close() error { return e.file.Close() }
