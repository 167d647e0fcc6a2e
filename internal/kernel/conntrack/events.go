package conntrack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// ErrOverrun says that the kernel had to drop events: the listener goes on, but what it told is no longer all that
// happened.
var ErrOverrun = errors.New("conntrack events were lost")

// EventKind is what happened to an entry.
type EventKind uint8

// The kinds of event.
const (
	EventNew EventKind = iota + 1
	EventUpdate
	EventDestroy
)

// Event is one change of the table. A new entry is told of whole, an update with what changed, the end with little but
// the tuples.
type Event struct {
	Kind EventKind
	Flow Flow
}

const (
	// maxEvents bounds how many events Receive returns at once, so that a flood still lets its caller do other work.
	maxEvents = 512
	// eventDatagrams is for how many events one system call has room. More save little.
	eventDatagrams = 32
)

// Listener receives the changes of the table of one network namespace.
type Listener struct {
	socket *socket
	gate   *gate
	inbox  *inbox
	pace   pace
	events []Event
	woken  atomic.Bool
	// ends is the end of the context that wakes the listener, and forget makes it not do so any more.
	ends   <-chan struct{}
	forget func() bool
}

// Listen begins to listen. Every change of what is selected that happens after it returned is received, or ErrOverrun
// is.
func Listen(selection Selection) (*Listener, error) {
	s, err := openSocket()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(selection.attach(s), joinAll(s)); err != nil {
		return nil, errors.Join(err, s.close())
	}
	g, err := openGate(s.fd())
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return &Listener{
		socket: s, gate: g, inbox: newInbox(s, eventDatagrams, smallDatagram),
		events: make([]Event, 0, maxEvents+eventDatagrams), forget: func() bool { return true },
	}, nil
}

// joinAll subscribes to all changes of entries.
func joinAll(s *socket) error {
	for _, group := range []int{
		unix.NFNLGRP_CONNTRACK_NEW, unix.NFNLGRP_CONNTRACK_UPDATE, unix.NFNLGRP_CONNTRACK_DESTROY,
	} {
		if err := s.join(group); err != nil {
			return fmt.Errorf("joining conntrack event group %d: %w", group, err)
		}
	}
	return nil
}

// Receive waits for events and returns them; they are valid until the next call. Where they come quickly it lets them
// gather for a quarter of a millisecond. Drained says that there are no more: every change that happened before the
// call has been returned. Whoever needs to know wakes the listener: then it does not wait, and says so unless more
// events came than it may return. It fails with ErrOverrun when events were lost, after which it can be called again.
func (l *Listener) Receive(ctx context.Context) (events []Event, drained bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	l.heed(ctx)
	l.events = l.events[:0]
	if l.pace.pause(time.Now()) {
		if err := l.wait(ctx, true); err != nil {
			return nil, false, err
		}
	}
	for len(l.events) < maxEvents {
		err := l.inbox.receive(false)
		switch {
		case err == nil:
			if err := l.decodeAll(); err != nil {
				return nil, false, err
			}
			if len(l.events) > 0 && !l.inbox.full() && !l.woken.Load() {
				return l.events, false, nil // most likely all, and whoever needs to be sure has woken the listener
			}
		case errors.Is(err, unix.EAGAIN):
			if l.woken.Swap(false) || len(l.events) > 0 {
				return l.events, true, nil
			}
			if err := l.wait(ctx, false); err != nil {
				return nil, false, err
			}
		case errors.Is(err, unix.ENOBUFS):
			return nil, false, ErrOverrun
		default:
			return nil, false, fmt.Errorf("receiving conntrack events: %w", err)
		}
	}
	return l.events, false, nil
}

// wait waits for an event, or only until the pause is over, and returns early when woken.
func (l *Listener) wait(ctx context.Context, pause bool) error {
	var err error
	if pause {
		err = l.gate.pause(pauseTime)
	} else {
		err = l.gate.await()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if err = l.gate.deadline(time.Time{}); err == nil {
			err = ctx.Err()
		}
	}
	l.pace.wokeUp(time.Now())
	if err != nil {
		return fmt.Errorf("receiving conntrack events: %w", err)
	}
	return nil
}

// heed makes the end of the context wake the listener. Receive is called with one and the same as a rule.
func (l *Listener) heed(ctx context.Context) {
	if l.ends != ctx.Done() {
		l.forget()
		l.ends, l.forget = ctx.Done(), context.AfterFunc(ctx, l.wake)
	}
}

// decodeAll appends the events of the datagrams that were received.
func (l *Listener) decodeAll() error {
	before := len(l.events)
	for k := range l.inbox.received {
		b, err := l.inbox.datagram(k)
		if err == nil {
			err = l.decode(b)
		}
		if err != nil {
			return fmt.Errorf("decoding conntrack event: %w", err)
		}
	}
	l.pace.came(len(l.events) - before)
	return nil
}

// decode appends the events of one datagram.
func (l *Listener) decode(b []byte) error {
	for len(b) > 0 {
		m, rest, err := nextMessage(b)
		if err != nil {
			return err
		}
		b = rest
		kind, ok := m.event()
		if !ok {
			continue
		}
		l.events = append(l.events, Event{Kind: kind})
		if err := m.decode(&l.events[len(l.events)-1].Flow); err != nil {
			return err
		}
	}
	return nil
}

// event is the kind of event that a message tells of: a new entry is an update that says that it was created.
func (m message) event() (EventKind, bool) {
	switch {
	case m.kind == messageDelete:
		return EventDestroy, true
	case m.kind != messageNew:
		return 0, false
	case m.flags&(unix.NLM_F_CREATE|unix.NLM_F_EXCL) != 0:
		return EventNew, true
	default:
		return EventUpdate, true
	}
}

// Wake makes the Receive of now, or else the next one, return without waiting.
func (l *Listener) Wake() {
	l.woken.Store(true) // before the deadline, so that whoever takes the deadline away sees it
	l.wake()
}

// wake ends waiting. It fails only once the gate is closed, when nothing waits.
func (l *Listener) wake() { _ = l.gate.deadline(time.Unix(1, 0)) }

// Close ends listening.
func (l *Listener) Close() error {
	l.forget()
	return errors.Join(l.gate.close(), l.socket.close())
}
