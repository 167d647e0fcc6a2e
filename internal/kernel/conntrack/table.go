package conntrack

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// maxBatch is the number of requests in one send. A batch of more than 128 saves nothing.
const maxBatch = 128

// answerDatagrams is the number of answers that one system call can receive.
const answerDatagrams = 32

// Operation is the kind of a request.
type Operation uint8

// The operations.
const (
	// Create creates the entry. It needs FieldTimeout. It fails with EEXIST if either tuple is in use.
	Create Operation = iota + 1
	// Update sets the fields of the flow in the entry with this original tuple. It fails with ENOENT without one.
	Update
	// Delete deletes the entry with this original tuple, and with this ID unless that is 0. It fails with ENOENT without
	// one.
	Delete
	// Get returns the entry that has this tuple in either direction. It fails with ENOENT without one.
	Get
)

// Request is one operation on one entry.
type Request struct {
	Operation Operation
	Flow      Flow
}

// Result is the outcome of a request.
type Result struct {
	// Err is nil for success, or the kernel's error as a unix.Errno.
	Err error
	// Flow is the entry that Get returns.
	Flow Flow
}

// Table reads and changes the table of one network namespace. While it is open, new entries of the namespace report
// events to listeners, including those that come later. It is not safe for concurrent use.
type Table struct {
	socket *socket
	// subscription makes the entries that are written report events.
	subscription *socket
	receiver     *receiver
	requests     builder
	sequence     uint32
}

// OpenTable opens the table of the calling thread's network namespace.
func OpenTable() (*Table, error) {
	subscription, err := openSubscription()
	if err != nil {
		return nil, err
	}
	s, err := openSocket()
	if err != nil {
		return nil, errors.Join(err, subscription.close())
	}
	return &Table{socket: s, subscription: subscription, receiver: newReceiver(s, answerDatagrams, smallDatagram)}, nil
}

// Do executes requests in their order and appends one result for each to results. It returns an error only if the
// kernel could not be asked or did not answer. In that case the outcome of the requests is unknown.
func (t *Table) Do(requests []Request, results []Result) ([]Result, error) {
	for len(requests) > 0 {
		n := min(len(requests), maxBatch)
		start := len(results)
		results = slices.Grow(results, n)[:start+n]
		clear(results[start:])
		if err := t.do(requests[:n], results[start:]); err != nil {
			return nil, err
		}
		requests = requests[n:]
	}
	return results, nil
}

// do executes one batch. Only the last request asks for an acknowledgement, since each one costs a tenth of a request.
// Errors and found entries arrive without one, in the order of the requests.
func (t *Table) do(requests []Request, results []Result) error {
	first := t.sequence + 1
	t.sequence += uint32(len(requests))
	t.requests.bytes = t.requests.bytes[:0]
	for i := range requests {
		var flags uint16
		if i == len(requests)-1 {
			flags = unix.NLM_F_ACK
		}
		if err := t.requests.addRequest(&requests[i], flags, first+uint32(i)); err != nil {
			return err
		}
	}
	if err := t.socket.send(t.requests.bytes); err != nil {
		return fmt.Errorf("sending %d conntrack requests: %w", len(requests), err)
	}
	for done := false; !done; {
		if err := t.receiver.receiveAnswer(); err != nil {
			return fmt.Errorf("reading the answers to %d conntrack requests: %w", len(requests), err)
		}
		for k := range t.receiver.received {
			b, err := t.receiver.datagram(k)
			if err != nil {
				return fmt.Errorf("reading conntrack answers: %w", err)
			}
			last, err := takeAnswers(b, first, results)
			if err != nil {
				return fmt.Errorf("reading conntrack answers: %w", err)
			}
			done = done || last
		}
	}
	return nil
}

// addRequest appends one request as a message.
func (b *builder) addRequest(r *Request, flags uint16, sequence uint32) error {
	if !r.Flow.Orig.valid() {
		// The kernel would treat a deletion without a tuple as the deletion of the whole table.
		return errors.New("conntrack request without an original tuple")
	}
	kind := uint16(messageNew)
	switch r.Operation {
	case Create:
		flags |= unix.NLM_F_CREATE | unix.NLM_F_EXCL
	case Update:
	case Delete:
		kind = messageDelete
	case Get:
		kind = messageGet
	default:
		return fmt.Errorf("unknown conntrack operation %d", r.Operation)
	}
	start := b.begin(kind, flags, sequence, r.Flow.Orig.family())
	switch r.Operation {
	case Create:
		encodeCreate(b, &r.Flow)
	case Update:
		encodeUpdate(b, &r.Flow)
	case Delete:
		encodeIdentity(b, &r.Flow)
		if r.Flow.ID != 0 {
			b.add32(ctaID, r.Flow.ID) // Otherwise a connection that reused the tuple meanwhile would be deleted.
		}
	case Get:
		encodeIdentity(b, &r.Flow)
	}
	b.end(start)
	return nil
}

// takeAnswers stores answers in results. It returns true after the answer to the last request, which comes after all
// others. It skips answers to an earlier batch that was abandoned.
func takeAnswers(b []byte, first uint32, results []Result) (last bool, err error) {
	for len(b) > 0 {
		var m message
		if m, b, err = nextMessage(b); err != nil {
			return false, err
		}
		i := m.sequence - first
		if i >= uint32(len(results)) {
			continue
		}
		switch m.kind {
		case messageNew:
			if err := m.decode(&results[i].Flow); err != nil {
				return false, err
			}
		case unix.NLMSG_ERROR:
			results[i].Err = m.result()
			last = last || int(i) == len(results)-1
		}
	}
	return last, nil
}

// Close closes the sockets.
func (t *Table) Close() error { return errors.Join(t.socket.close(), t.subscription.close()) }
