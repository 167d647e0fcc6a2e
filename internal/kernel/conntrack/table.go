package conntrack

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// maxBatch is how many requests go to the kernel in one send: from some 128 on a larger batch saves nothing more.
const maxBatch = 128

// answerDatagrams is for how many answers one system call has room.
const answerDatagrams = 32

// Operation is what to do with an entry.
type Operation uint8

// The operations.
const (
	// Create makes the entry; it needs FieldTimeout. It fails with EEXIST when either of its tuples is taken.
	Create Operation = iota + 1
	// Update changes what the flow's fields name of the entry with this original tuple; ENOENT when there is none.
	Update
	// Delete ends the entry with this original tuple; ENOENT when there is none.
	Delete
	// Get finds the entry that has this original tuple, in whichever direction; ENOENT when there is none.
	Get
)

// Request is one operation on one entry.
type Request struct {
	Operation Operation
	Flow      Flow
}

// Result is what came of a request.
type Result struct {
	// Err is nil or what the kernel answered, as a unix.Errno.
	Err error
	// Flow is the entry that Get found.
	Flow Flow
}

// Table changes the table of one network namespace. It is for one caller at a time.
type Table struct {
	socket   *socket
	inbox    *inbox
	requests builder
	sequence uint32
}

// OpenTable opens the table of the calling thread's network namespace.
func OpenTable() (*Table, error) {
	s, err := openSocket()
	if err != nil {
		return nil, err
	}
	return &Table{socket: s, inbox: newInbox(s, answerDatagrams, smallDatagram)}, nil
}

// Do carries out requests in their order and appends a result of each to results. It fails as a whole only when the
// kernel could not be asked or did not answer, and then nothing is known of what was done.
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

// do carries out one batch. The kernel says what it could not do, and found, while it goes through the batch, and the
// last request alone asks for an answer in any case: an answer that says nothing would cost as much as a tenth of the
// request.
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
		if err := t.inbox.receive(true); err != nil {
			return fmt.Errorf("reading the answers to %d conntrack requests: %w", len(requests), err)
		}
		for k := range t.inbox.received {
			b, err := t.inbox.datagram(k)
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
		// Without a tuple the kernel would take a deletion as that of the whole table.
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
	case Delete, Get:
		encodeIdentity(b, &r.Flow)
	}
	b.end(start)
	return nil
}

// takeAnswers fills in results and tells whether the last request was answered, which all others were before. Answers
// to an earlier batch, which was given up, are passed over.
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

// Close gives the socket back.
func (t *Table) Close() error { return t.socket.close() }
