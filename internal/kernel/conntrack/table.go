package conntrack

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// maxBatch is how many requests go to the kernel in one send: from some 128 on a larger batch saves nothing more.
const maxBatch = 128

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
	buffer   []byte
	requests builder
	sequence uint32
}

// OpenTable opens the table of the calling thread's network namespace.
func OpenTable() (*Table, error) {
	s, err := openSocket()
	if err != nil {
		return nil, err
	}
	return &Table{socket: s, buffer: make([]byte, datagram)}, nil
}

// Do carries out requests in their order and appends a result of each to results. It fails as a whole only when the
// kernel could not be asked or did not answer, and then nothing is known of what was done.
func (t *Table) Do(requests []Request, results []Result) ([]Result, error) {
	for len(requests) > 0 {
		n := min(len(requests), maxBatch)
		start := len(results)
		results = append(results, make([]Result, n)...)
		if err := t.do(requests[:n], results[start:]); err != nil {
			return nil, err
		}
		requests = requests[n:]
	}
	return results, nil
}

func (t *Table) do(requests []Request, results []Result) error {
	first := t.sequence + 1
	t.sequence += uint32(len(requests))
	t.requests.bytes = t.requests.bytes[:0]
	for i := range requests {
		if err := t.requests.addRequest(&requests[i], first+uint32(i)); err != nil {
			return err
		}
	}
	if err := t.socket.send(t.requests.bytes); err != nil {
		return fmt.Errorf("sending %d conntrack requests: %w", len(requests), err)
	}
	if err := t.socket.deadline(time.Now().Add(answerTimeout)); err != nil {
		return fmt.Errorf("reading conntrack answers: %w", err)
	}
	for answers := 0; answers < len(requests); {
		n, err := t.socket.receive(t.buffer, true)
		if err != nil {
			return fmt.Errorf("reading conntrack answers: %d of %d came: %w", answers, len(requests), err)
		}
		answered, err := takeAnswers(t.buffer[:n], first, results)
		if err != nil {
			return err
		}
		answers += answered
	}
	return nil
}

// addRequest appends one request as a message.
func (b *builder) addRequest(r *Request, sequence uint32) error {
	if !r.Flow.Orig.valid() {
		// Without a tuple the kernel would take a deletion as that of the whole table.
		return errors.New("conntrack request without an original tuple")
	}
	family := r.Flow.Orig.family()
	switch r.Operation {
	case Create:
		start := b.begin(messageNew, unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_EXCL, sequence, family)
		encodeCreate(b, &r.Flow)
		b.end(start)
	case Update:
		start := b.begin(messageNew, unix.NLM_F_ACK, sequence, family)
		encodeUpdate(b, &r.Flow)
		b.end(start)
	case Delete:
		start := b.begin(messageDelete, unix.NLM_F_ACK, sequence, family)
		encodeIdentity(b, &r.Flow)
		b.end(start)
	case Get:
		start := b.begin(messageGet, unix.NLM_F_ACK, sequence, family)
		encodeIdentity(b, &r.Flow)
		b.end(start)
	default:
		return fmt.Errorf("unknown conntrack operation %d", r.Operation)
	}
	return nil
}

// takeAnswers fills in results and counts how many requests were answered to the end. Answers to an earlier batch,
// which was given up, are passed over.
func takeAnswers(b []byte, first uint32, results []Result) (answered int, err error) {
	for len(b) > 0 {
		var m message
		if m, b, err = nextMessage(b); err != nil {
			return 0, fmt.Errorf("reading conntrack answers: %w", err)
		}
		i := m.sequence - first
		if i >= uint32(len(results)) {
			continue
		}
		switch m.kind {
		case messageNew:
			if results[i].Flow, err = m.flow(); err != nil {
				return 0, fmt.Errorf("reading conntrack answers: %w", err)
			}
		case unix.NLMSG_ERROR:
			results[i].Err = m.result()
			answered++
		}
	}
	return answered, nil
}

// Close gives the socket back.
func (t *Table) Close() error { return t.socket.close() }
