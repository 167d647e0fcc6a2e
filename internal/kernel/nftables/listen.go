package nftables

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// ErrLost reports that the kernel dropped notifications. The listener keeps working.
var ErrLost = errors.New("notifications of nftables were lost")

// SetEventKind is what happened to a set or to one of its elements.
type SetEventKind uint8

// The kinds of event.
const (
	// ElementAdded is an element that a program added or changed.
	ElementAdded SetEventKind = iota + 1
	// ElementRemoved is an element that a program removed. The end of an element's time is no event.
	ElementRemoved
	SetAdded
	SetRemoved
	// TableRemoved means that all sets of the table are gone. The removal of each set comes before.
	TableRemoved
	// Committed ends the changes of one transaction, of any table.
	Committed
)

// SetEvent is one change of a set in a table. The times of an element are those at the notification. Its timeout is 0
// although it has an end if the timeout is that of the set.
type SetEvent struct {
	Kind    SetEventKind
	Set     string
	Element Element
}

const (
	// maxDatagrams bounds what one Receive reads, so that its caller can do other work during a flood.
	maxDatagrams = 64
	// datagramBytes is more than the kernel sends in one datagram.
	datagramBytes = 64 << 10
)

// Listener receives the changes that programs make in the sets of one table. Rules that add elements are no programs:
// the kernel sends nothing for these.
type Listener struct {
	table  string
	conn   *netlink.Conn
	raw    syscall.RawConn
	buffer []byte
	woken  atomic.Bool
}

// Listen starts to listen in the network namespace of the calling thread. Receive returns every change after it.
func Listen(table string) (*Listener, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, fmt.Errorf("listening to changes of sets: %w", err)
	}
	raw, err := conn.SyscallConn()
	if err == nil {
		err = errors.Join(conn.SetReadBuffer(followBytes), conn.JoinGroup(unix.NFNLGRP_NFTABLES))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listening to changes of sets: %w", err), conn.Close())
	}
	return &Listener{table: table, conn: conn, raw: raw, buffer: make([]byte, datagramBytes)}, nil
}

// Close stops listening. No Receive may be running.
func (l *Listener) Close() error { return l.conn.Close() }

// Wake makes the present Receive return, or else the next one. It may be called concurrently.
func (l *Listener) Wake() {
	l.woken.Store(true)
	_ = l.conn.SetReadDeadline(time.Unix(1, 0)) // A closed socket needs no waking.
}

// Receive waits for changes until an instant, or without end if it is zero. IsDrained reports that it returned all that
// happened before the call. It fails with ErrLost after lost notifications, and with the error of a context that ended.
func (l *Listener) Receive(ctx context.Context, until time.Time) (events []SetEvent, isDrained bool, err error) {
	stop := context.AfterFunc(ctx, l.Wake)
	defer stop()
	events, isDrained, err = l.read(nil)
	if err != nil || len(events) > 0 || !isDrained {
		return events, isDrained, err
	}
	if err := l.conn.SetReadDeadline(until); err != nil {
		return nil, false, err
	}
	if !l.woken.Swap(false) { // A Wake that comes after this moves the deadline.
		var received []byte
		if received, err = l.await(); err == nil {
			events = l.parse(events, received)
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil, false, ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, true, nil
	case err != nil:
		return nil, false, receiving(err)
	}
	return l.read(events)
}

// read appends the events that have arrived, and reports whether these are all.
func (l *Listener) read(events []SetEvent) (all []SetEvent, isDrained bool, err error) {
	for range maxDatagrams {
		received, err := l.receiveNow()
		if errors.Is(err, unix.EAGAIN) {
			return events, true, nil
		}
		if err != nil {
			return events, false, receiving(err)
		}
		events = l.parse(events, received)
	}
	return events, false, nil
}

// receiving explains an error.
func receiving(err error) error {
	if errors.Is(err, unix.ENOBUFS) {
		return ErrLost
	}
	return fmt.Errorf("receiving changes of sets: %w", err)
}

// receiveNow reads one datagram. Without one it fails with EAGAIN.
func (l *Listener) receiveNow() (data []byte, failed error) {
	err := l.raw.Control(func(fd uintptr) { data, failed = l.receive(fd) })
	return data, errors.Join(err, failed)
}

// await waits for one datagram.
func (l *Listener) await() (data []byte, failed error) {
	err := l.raw.Read(func(fd uintptr) bool {
		data, failed = l.receive(fd)
		return !errors.Is(failed, unix.EAGAIN)
	})
	return data, errors.Join(err, failed)
}

// receive reads one datagram of the kernel, and nothing of one that another program sent.
func (l *Listener) receive(fd uintptr) ([]byte, error) {
	for {
		n, from, err := unix.Recvfrom(int(fd), l.buffer, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
		switch sender, _ := from.(*unix.SockaddrNetlink); {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, err
		case n > len(l.buffer):
			return nil, unix.ENOBUFS // A part is lost.
		case sender == nil || sender.Pid != 0:
			return nil, nil
		}
		return l.buffer[:n], nil
	}
}

// parse appends the events in a datagram.
func (l *Listener) parse(events []SetEvent, data []byte) []SetEvent {
	for len(data) >= unix.SizeofNlMsghdr {
		length := int(binary.NativeEndian.Uint32(data))
		if length < unix.SizeofNlMsghdr || length > len(data) {
			break
		}
		kind := binary.NativeEndian.Uint16(data[4:])
		if kind == unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_NEWGEN {
			events = append(events, SetEvent{Kind: Committed})
		} else if body := data[unix.SizeofNlMsghdr:length]; len(body) >= messageHeaderBytes && body[0] == unix.NFPROTO_INET {
			events = appendEvents(events, kind, l.table, nested(body[messageHeaderBytes:]))
		}
		data = data[min((length+3)&^3, len(data)):]
	}
	return events
}

// appendEvents appends the events of one notification about a table. Elements get memory of their own.
func appendEvents(events []SetEvent, kind uint16, table string, m message) []SetEvent {
	if m.text(tableOf) != table {
		return events
	}
	add := func(kind SetEventKind, set string) { events = append(events, SetEvent{Kind: kind, Set: set}) }
	switch kind {
	case unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_DELTABLE:
		add(TableRemoved, "")
	case unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWSET:
		add(SetAdded, m.text(unix.NFTA_SET_NAME))
	case unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_DELSET:
		add(SetRemoved, m.text(unix.NFTA_SET_NAME))
	case unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWSETELEM:
		events = appendElements(events, ElementAdded, m)
	case unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_DELSETELEM:
		events = appendElements(events, ElementRemoved, m)
	}
	return events
}

func appendElements(events []SetEvent, kind SetEventKind, m message) []SetEvent {
	set := m.text(unix.NFTA_SET_ELEM_LIST_SET)
	_ = eachElement(m, 0, func(e Element) error {
		e.Key, e.Value = append([]byte(nil), e.Key...), append([]byte(nil), e.Value...)
		events = append(events, SetEvent{Kind: kind, Set: set, Element: e})
		return nil
	})
	return events
}
