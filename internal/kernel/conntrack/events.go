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

// ErrOverrun reports that the kernel dropped events. The listener keeps working, but the events that it returned are
// incomplete.
var ErrOverrun = errors.New("conntrack events were lost")

// EventKind distinguishes new, changed and ended entries.
type EventKind uint8

// The kinds of event.
const (
	EventNew EventKind = iota + 1
	EventUpdate
	EventDestroy
	// EventExpectation is about an entry whose helper has just begun or ceased to expect another connection.
	EventExpectation
)

// Event is one change of the table. The event of a new entry has all its fields. An update has the changed fields, and
// the end of an entry has little more than the tuples. The event of an expectation has the original tuple alone.
type Event struct {
	Kind EventKind
	Flow Flow
}

const (
	// maxEvents bounds the events that one Receive returns, so that its caller can do other work during a flood.
	maxEvents = 512
	// eventDatagrams is the number of datagrams that one system call receives. A larger number saves little.
	eventDatagrams = 32
)

// Listener receives the changes of the table of one network namespace.
type Listener struct{ listener[Event] }

// listener receives events of one type.
type listener[E any] struct {
	socket    *socket
	timer     *timer
	receiver  *receiver
	coalescer coalescer
	events    []E
	// parse overwrites an event with that of a message. It returns false for a message that is no event.
	parse func(message, *E) (bool, error)
	woken atomic.Bool
	// ends is the Done channel of the context whose end wakes the listener. stopWatch unregisters that wake-up.
	ends      <-chan struct{}
	stopWatch func() bool
}

// Listen starts to listen. Receive returns every selected change after Listen returned, or fails with ErrOverrun.
func Listen(selection Selection) (*Listener, error) {
	l := &Listener{}
	groups := []int{unix.NFNLGRP_CONNTRACK_NEW, unix.NFNLGRP_CONNTRACK_UPDATE, unix.NFNLGRP_CONNTRACK_DESTROY}
	if selection.Expectations {
		groups = append(groups, unix.NFNLGRP_CONNTRACK_EXP_NEW, unix.NFNLGRP_CONNTRACK_EXP_DESTROY)
	}
	if err := l.open(parseEvent, selection, groups...); err != nil {
		return nil, err
	}
	return l, nil
}

// open opens the sockets and joins groups of notifications.
func (l *listener[E]) open(parse func(message, *E) (bool, error), selection Selection, groups ...int) error {
	s, err := openPolledSocket()
	if err != nil {
		return err
	}
	if err := errors.Join(selection.attach(s), s.joinAll(groups)); err != nil {
		return errors.Join(err, s.close())
	}
	t, err := openTimer()
	if err != nil {
		return errors.Join(err, s.close())
	}
	l.socket, l.timer, l.receiver = s, t, newReceiver(s, eventDatagrams, smallDatagram)
	l.events, l.parse = make([]E, 0, maxEvents+eventDatagrams), parse
	l.stopWatch = func() bool { return true }
	return nil
}

// joinAll subscribes the socket to groups of notifications.
func (s *socket) joinAll(groups []int) error {
	for _, group := range groups {
		if err := s.join(group); err != nil {
			return fmt.Errorf("joining conntrack event group %d: %w", group, err)
		}
	}
	return nil
}

// Receive waits for events and returns them. They are valid until the next call. If events come quickly, it waits a
// quarter of a millisecond to return more at once.
//
// The result drained reports that every change that happened before the call has been returned. To get this report
// promptly, call Wake first: Receive then does not wait, and returns drained unless there are more than maxEvents.
//
// Receive fails with ErrOverrun after the kernel dropped events. It can be called again afterwards.
func (l *listener[E]) Receive(ctx context.Context) (events []E, drained bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	l.watchContext(ctx)
	l.events = l.events[:0]
	if l.coalescer.isBusy(time.Now()) {
		if err := l.endWait(ctx, l.timer.sleep(coalesceTime)); err != nil {
			return nil, false, fmt.Errorf("letting conntrack events gather: %w", err)
		}
	}
	for len(l.events) < maxEvents {
		err := l.receiver.receive()
		if errors.Is(err, unix.EAGAIN) {
			if l.woken.Swap(false) || len(l.events) > 0 {
				return l.events, true, nil
			}
			err = l.endWait(ctx, l.receiver.wait())
		}
		if err == nil {
			err = l.decodeAll()
		}
		switch {
		case errors.Is(err, unix.ENOBUFS):
			return nil, false, ErrOverrun
		case err != nil:
			return nil, false, fmt.Errorf("receiving conntrack events: %w", err)
		case len(l.events) > 0 && !l.receiver.full() && !l.woken.Load():
			// These are most likely all events. A caller that must be sure has called Wake.
			return l.events, false, nil
		}
	}
	return l.events, false, nil
}

// endWait records the end of a wait. If the listener was woken, endWait resets the deadlines, and returns the error of
// the context. Otherwise it returns err, the result of the wait.
func (l *listener[E]) endWait(ctx context.Context, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if err = l.setDeadline(time.Time{}); err == nil {
			err = ctx.Err()
		}
	}
	l.coalescer.recordWakeup(time.Now())
	return err
}

// watchContext makes the end of ctx wake the listener. It does nothing if ctx is that of the previous call, which is
// the usual case.
func (l *listener[E]) watchContext(ctx context.Context) {
	if l.ends != ctx.Done() {
		l.stopWatch()
		l.ends, l.stopWatch = ctx.Done(), context.AfterFunc(ctx, l.wake)
	}
}

// decodeAll decodes the received datagrams and appends their events.
func (l *listener[E]) decodeAll() error {
	before := len(l.events)
	for k := range l.receiver.received {
		b, err := l.receiver.datagram(k)
		if err == nil {
			err = l.decode(b)
		}
		if err != nil {
			return fmt.Errorf("decoding conntrack event: %w", err)
		}
	}
	l.coalescer.recordEvents(len(l.events) - before)
	return nil
}

// decode decodes one datagram and appends its events.
func (l *listener[E]) decode(b []byte) error {
	for len(b) > 0 {
		m, rest, err := nextMessage(b)
		if err != nil {
			return err
		}
		b = rest
		var event E
		l.events = append(l.events, event) // it is decoded in place, because it is large
		isEvent, err := l.parse(m, &l.events[len(l.events)-1])
		if err != nil {
			return err
		}
		if !isEvent {
			l.events = l.events[:len(l.events)-1]
		}
	}
	return nil
}

// parseEvent parses the event of an entry, or of an expectation of its helper.
func parseEvent(m message, e *Event) (bool, error) {
	if kind, ok := m.event(messageNew, messageDelete); ok {
		e.Kind = kind
		return true, m.decode(&e.Flow)
	}
	var x ExpectationEvent
	ok, err := x.decode(m)
	e.Kind, e.Flow.Orig = EventExpectation, x.Expectation.Master
	return ok, err
}

// event returns the kind of event that a message of one of two types reports. The kernel reports a new object as an
// update with creation flags.
func (m message) event(changed, deleted uint16) (EventKind, bool) {
	switch {
	case m.kind == deleted:
		return EventDestroy, true
	case m.kind != changed:
		return 0, false
	case m.flags&(unix.NLM_F_CREATE|unix.NLM_F_EXCL) != 0:
		return EventNew, true
	default:
		return EventUpdate, true
	}
}

// Wake makes the current Receive, or else the next one, return without waiting.
func (l *listener[E]) Wake() {
	l.woken.Store(true) // before the deadline, so that the call that resets the deadline sees it
	l.wake()
}

// wake ends waiting. It can only fail after Close, when nothing waits.
func (l *listener[E]) wake() { _ = l.setDeadline(time.Unix(1, 0)) }

// setDeadline sets the deadline of both waits.
func (l *listener[E]) setDeadline(at time.Time) error {
	return errors.Join(l.socket.setDeadline(at), l.timer.setDeadline(at))
}

// Close stops listening and closes the sockets.
func (l *listener[E]) Close() error {
	l.stopWatch()
	return errors.Join(l.timer.close(), l.socket.close())
}
