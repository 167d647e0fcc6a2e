package rtnetlink

import (
	"context"
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// NeighbourEvent is a change of a neighbour.
type NeighbourEvent struct {
	Neighbour
	// Deleted is set if the entry is gone. Its state is then the last one. It is Failed if somebody removed the entry, or
	// if the kernel could not resolve it. With another state, the kernel flushed the interface or needed room.
	Deleted bool
}

// NeighbourEvents receives the changes of neighbours and interfaces. The kernel queues the event of a request before it
// answers the request.
type NeighbourEvents struct{ *events }

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
	e, err := openEvents("neighbours", unix.RTNLGRP_NEIGH, unix.RTNLGRP_LINK)
	if err != nil {
		return nil, err
	}
	return &NeighbourEvents{e}, nil
}

// Read calls visit for each change of a neighbour that has happened, in order, and returns whether interfaces have
// changed too. It does not wait. Only one caller at a time may use it.
func (e *NeighbourEvents) Read(visit func(NeighbourEvent)) (links bool, err error) {
	err = e.read(func(m syscall.NetlinkMessage) error {
		switch m.Header.Type {
		case unix.RTM_NEWLINK, unix.RTM_DELLINK:
			links = true
		case unix.RTM_NEWNEIGH, unix.RTM_DELNEIGH:
			n, ok, err := decodeNeighbour(m.Data)
			if err != nil {
				return err
			}
			if ok && n.Flags&Published == 0 {
				visit(NeighbourEvent{Neighbour: n, Deleted: m.Header.Type == unix.RTM_DELNEIGH})
			}
		}
		return nil
	})
	return links, err
}
