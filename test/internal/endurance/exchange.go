package endurance

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/hapair-io/hapair/test/internal/realtime"
	"github.com/hapair-io/hapair/test/internal/tracer"
)

const (
	// requestPace is how often a request is sent: how exactly gaps are seen.
	requestPace = 10 * time.Millisecond
	// many is how many answers must come for an exchange to go on: a second's worth.
	many = 100
	// underway is how old a request must be to count as lost, if its answer has not come.
	underway = 200 * time.Millisecond
)

// exchange is numbered requests from one socket, each of which is to be answered with what it says. Some may be lost.
type exchange struct {
	conn net.PacketConn
	to   net.Addr
	// wrap makes a packet of a payload, and unwrap takes it out of one that is an answer.
	wrap   func(number uint64, payload []byte) []byte
	unwrap func(packet []byte) (payload []byte, ok bool)
	// identity tells the exchange's payloads from others'.
	identity uint64
	begun    time.Time

	mu    sync.Mutex
	sent  uint64
	tally tracer.Tally
	err   error
}

// payloadSize is identity, number, time of sending since the beginning, and a checksum, of eight bytes each.
const payloadSize = 32

func newExchange(conn net.PacketConn, to net.Addr) *exchange {
	return &exchange{conn: conn, to: to, wrap: wrapNothing, unwrap: unwrapNothing, identity: rand.Uint64()}
}

// wrapNothing and unwrapNothing are for datagrams, which are all payload.
func wrapNothing(_ uint64, payload []byte) []byte           { return payload }
func unwrapNothing(packet []byte) (payload []byte, ok bool) { return packet, true }

// start sends and receives until the context ends, for the group to wait for, and returns when requests are answered.
// The connection is the exchange's from now on.
func (e *exchange) start(ctx context.Context, group *sync.WaitGroup) error {
	e.begun = time.Now()
	group.Go(func() { realtime.Every(ctx, requestPace, e.send) })
	group.Go(func() {
		defer closeWith(ctx, e.conn)()
		realtime.Thread()
		if err := e.receive(); ctx.Err() == nil {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.err = err
		}
	})
	return awaitGrowth(ctx, many/10, e.answered, e.broken)
}

func (e *exchange) send() {
	e.mu.Lock()
	e.sent++
	number := e.sent
	e.mu.Unlock()
	// What the host cannot send, for it finds no neighbour, is lost like what is not forwarded.
	_, _ = e.conn.WriteTo(e.wrap(number, e.payload(number, time.Since(e.begun))), e.to)
}

func (e *exchange) receive() error {
	packet := make([]byte, 2048)
	for {
		n, _, err := e.conn.ReadFrom(packet)
		if err != nil {
			return err
		}
		if payload, ok := e.unwrap(packet[:n]); ok {
			if err := e.note(payload, time.Now()); err != nil {
				return err
			}
		}
	}
}

func (e *exchange) note(payload []byte, at time.Time) error {
	number, sent, err := e.parse(payload)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if number > e.sent {
		return fmt.Errorf("request %d was answered, and %d have been sent", number, e.sent)
	}
	e.tally.Observe(number, e.begun.Add(sent), at)
	return nil
}

func (e *exchange) payload(number uint64, sent time.Duration) []byte {
	b := make([]byte, 0, payloadSize)
	b = binary.BigEndian.AppendUint64(b, e.identity)
	b = binary.BigEndian.AppendUint64(b, number)
	b = binary.BigEndian.AppendUint64(b, uint64(sent))
	return binary.BigEndian.AppendUint64(b, uint64(crc32.ChecksumIEEE(b)))
}

// owns says whether a payload looks like one of this exchange.
func (e *exchange) owns(payload []byte) bool {
	return len(payload) == payloadSize && binary.BigEndian.Uint64(payload) == e.identity
}

func (e *exchange) parse(payload []byte) (number uint64, sent time.Duration, err error) {
	if !e.owns(payload) || binary.BigEndian.Uint64(payload[24:]) != uint64(crc32.ChecksumIEEE(payload[:24])) {
		return 0, 0, fmt.Errorf("answer %x is not what was sent", payload)
	}
	return binary.BigEndian.Uint64(payload[8:]), time.Duration(binary.BigEndian.Uint64(payload[16:])), nil
}

func (e *exchange) answered() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tally.Received
}

func (e *exchange) broken() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

func (e *exchange) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tally.Forget()
}

// finish waits until the exchange has gone on, and until what is under way has arrived.
func (e *exchange) finish(ctx context.Context, report *Report) error {
	err := awaitGrowth(ctx, many, e.answered, e.broken)
	e.mu.Lock()
	newest, at := e.sent, time.Now()
	e.mu.Unlock()
	select {
	case <-time.After(underway):
	case <-ctx.Done():
	}
	e.mu.Lock()
	tally := e.tally
	e.mu.Unlock()
	tally.Silent(newest, at)
	report.Unit, report.Passed, report.Lost, report.Gap = "answers", tally.Received, tally.Lost, tally.Longest.Length
	return err
}
