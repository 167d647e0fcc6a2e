package conntrack

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Expectations reads and changes the expectations of one network namespace. It is not safe for concurrent use.
//
// Expectations of conntrack zones other than 0 are out of its reach: the kernel does not report the zone.
type Expectations struct {
	socket   *socket
	receiver *receiver
	request  builder
	sequence uint32
}

// OpenExpectations opens the expectations of the calling thread's network namespace.
func OpenExpectations() (*Expectations, error) {
	s, err := openSocket()
	if err != nil {
		return nil, err
	}
	return &Expectations{socket: s, receiver: newReceiver(s, 1, smallDatagram)}, nil
}

// Create creates an expectation with the timeout that the helper's policy has. It fails with
//   - EEXIST if one with this tuple exists,
//   - EBUSY or EALREADY if one exists that could meet the same connections,
//   - ENOENT without the master,
//   - EOPNOTSUPP if the master has no helper,
//   - EMFILE if the table is full, and
//   - EINVAL if the kernel does not have the function.
func (x *Expectations) Create(e *Expectation) error {
	return x.do(messageNewExpectation, unix.NLM_F_CREATE|unix.NLM_F_EXCL, e, encodeExpectation)
}

// SetTimeout sets the remaining lifetime of the expectation with this tuple. It fails with ENOENT without one.
func (x *Expectations) SetTimeout(e *Expectation) error {
	return x.do(messageNewExpectation, 0, e, func(b *builder, e *Expectation) {
		b.addTuple(ctaExpectMaster, e.Master) // The kernel parses all three.
		b.addTuple(ctaExpectTuple, e.Tuple)
		b.addTuple(ctaExpectMask, e.mask())
		b.add32(ctaExpectTimeout, e.TimeoutSeconds)
	})
}

// Delete deletes the expectation with this tuple, and with this ID unless that is 0. It fails with ENOENT without one.
func (x *Expectations) Delete(e *Expectation) error {
	return x.do(messageDeleteExpectation, 0, e, func(b *builder, e *Expectation) {
		b.addTuple(ctaExpectTuple, e.Tuple)
		if e.ID != 0 {
			b.add32(ctaExpectID, e.ID)
		}
	})
}

// Get returns the expectation that a connection with this original tuple would meet. It fails with ENOENT without one.
func (x *Expectations) Get(tuple Tuple) (found Expectation, err error) {
	x.begin(messageGetExpectation, 0, tuple, func(b *builder) { b.addTuple(ctaExpectTuple, tuple) })
	return found, x.exchange(&found)
}

// Dump calls visit for every expectation. Visit must not use x.
func (x *Expectations) Dump(ctx context.Context, visit func(*Expectation) error) error {
	return dump(ctx, x.socket, messageGetExpectation, messageNewExpectation, visitExpectations(visit))
}

// DumpExpectations calls visit for every expectation, with a socket of its own.
func DumpExpectations(ctx context.Context, visit func(*Expectation) error) error {
	return dumpAll(ctx, messageGetExpectation, messageNewExpectation, visitExpectations(visit))
}

func visitExpectations(visit func(*Expectation) error) func(message) error {
	var e Expectation
	return func(m message) error {
		if err := m.decodeExpectation(&e); err != nil {
			return fmt.Errorf("dumping expectations: %w", err)
		}
		return visit(&e)
	}
}

// do sends a request about an expectation and returns the kernel's answer.
func (x *Expectations) do(kind, flags uint16, e *Expectation, encode func(*builder, *Expectation)) error {
	if !e.valid() {
		// The kernel would treat a deletion without a tuple as the deletion of all expectations.
		return errors.New("request about an expectation without its master, tuple or mask")
	}
	x.begin(kind, flags|unix.NLM_F_ACK, e.Tuple, func(b *builder) { encode(b, e) })
	return x.exchange(nil)
}

// begin encodes a request.
func (x *Expectations) begin(kind, flags uint16, tuple Tuple, encode func(*builder)) {
	x.sequence++
	x.request.bytes = x.request.bytes[:0]
	start := x.request.begin(kind, flags, x.sequence, tuple.family())
	encode(&x.request)
	x.request.end(start)
}

// exchange sends the request, and reads the answer: an expectation into found, or an acknowledgement.
func (x *Expectations) exchange(found *Expectation) error {
	if err := x.socket.send(x.request.bytes); err != nil {
		return fmt.Errorf("sending a request about an expectation: %w", err)
	}
	for {
		if err := x.receiver.receiveAnswer(); err != nil {
			return fmt.Errorf("reading the answer about an expectation: %w", err)
		}
		for k := range x.receiver.received {
			b, err := x.receiver.datagram(k)
			if err != nil {
				return fmt.Errorf("reading the answer about an expectation: %w", err)
			}
			if done, err := x.answer(b, found); done || err != nil {
				return err
			}
		}
	}
}

// answer reads a datagram. It skips answers to an earlier request that was abandoned.
func (x *Expectations) answer(b []byte, found *Expectation) (done bool, err error) {
	for len(b) > 0 {
		var m message
		if m, b, err = nextMessage(b); err != nil {
			return false, err
		}
		switch {
		case m.sequence != x.sequence:
		case m.kind == unix.NLMSG_ERROR:
			return true, m.result()
		case m.kind == messageNewExpectation && found != nil:
			return true, m.decodeExpectation(found)
		}
	}
	return false, nil
}

// Close closes the socket.
func (x *Expectations) Close() error { return x.socket.close() }

// ExpectationListener receives the changes of the expectations of one network namespace. The kernel reports only
// expectations of masters whose entry reports events, see Table.
type ExpectationListener struct{ listener[ExpectationEvent] }

// ListenExpectations starts to listen. Receive returns every new and ended expectation after it returned, or fails with
// ErrOverrun.
func ListenExpectations() (*ExpectationListener, error) {
	l := &ExpectationListener{}
	parse := func(m message, e *ExpectationEvent) (bool, error) { return e.decode(m) }
	err := l.open(parse, Selection{}, unix.NFNLGRP_CONNTRACK_EXP_NEW, unix.NFNLGRP_CONNTRACK_EXP_DESTROY)
	if err != nil {
		return nil, err
	}
	return l, nil
}
