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

	"github.com/hapair-io/hapair/test/internal/ontime"
	"github.com/hapair-io/hapair/test/internal/tracer"
)

const (
	// requestPace is the interval between two requests, which limits how exactly gaps are measured.
	requestPace = 10 * time.Millisecond
	// enoughAnswers is how many answers must arrive before an exchange counts as alive: those of one second.
	enoughAnswers = 100
	// lossAge is the age at which a request without an answer counts as lost.
	lossAge = 200 * time.Millisecond
)

// exchange sends numbered requests from one socket. Each answer must repeat the content of its request. Some may be
// lost.
type exchange struct {
	conn net.PacketConn
	to   net.Addr
	// wrap makes a packet of a payload. unwrap returns the payload of a packet that is an answer.
	wrap   func(number uint64, payload []byte) []byte
	unwrap func(packet []byte) (payload []byte, ok bool)
	// identity distinguishes this exchange's payloads from others.
	identity uint64
	begun    time.Time

	mu    sync.Mutex
	sent  uint64
	stats tracer.StreamStats
	err   error
}

// payloadSize is the size of identity, number, time of sending and checksum, of eight bytes each.
const payloadSize = 32

func newExchange(conn net.PacketConn, to net.Addr) *exchange {
	return &exchange{conn: conn, to: to, wrap: wrapNothing, unwrap: unwrapNothing, identity: rand.Uint64()}
}

// wrapNothing returns the payload: it is the whole datagram.
func wrapNothing(_ uint64, payload []byte) []byte { return payload }

// unwrapNothing returns the packet: it is the payload.
func unwrapNothing(packet []byte) (payload []byte, ok bool) { return packet, true }

// start sends and receives in goroutines of the group until the context ends. It returns when requests are answered.
// The exchange owns the connection from now on.
func (e *exchange) start(ctx context.Context, group *sync.WaitGroup) error {
	e.begun = time.Now()
	group.Go(func() { ontime.Every(ctx, requestPace, e.send) })
	group.Go(func() {
		defer closeWith(ctx, e.conn)()
		ontime.Thread()
		if err := e.receive(); ctx.Err() == nil {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.err = err
		}
	})
	return awaitGrowth(ctx, enoughAnswers/10, e.answered, e.broken)
}

func (e *exchange) send() {
	e.mu.Lock()
	e.sent++
	number := e.sent
	e.mu.Unlock()
	// If the host finds no neighbour, the request is lost, like one that is not forwarded.
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
		return fmt.Errorf("request %d was answered, but only %d have been sent", number, e.sent)
	}
	e.stats.Observe(number, e.begun.Add(sent), at)
	return nil
}

func (e *exchange) payload(number uint64, sent time.Duration) []byte {
	b := make([]byte, 0, payloadSize)
	b = binary.BigEndian.AppendUint64(b, e.identity)
	b = binary.BigEndian.AppendUint64(b, number)
	b = binary.BigEndian.AppendUint64(b, uint64(sent))
	return binary.BigEndian.AppendUint64(b, uint64(crc32.ChecksumIEEE(b)))
}

// owns reports whether a payload belongs to this exchange.
func (e *exchange) owns(payload []byte) bool {
	return len(payload) == payloadSize && binary.BigEndian.Uint64(payload) == e.identity
}

func (e *exchange) parse(payload []byte) (number uint64, sent time.Duration, err error) {
	if !e.owns(payload) || binary.BigEndian.Uint64(payload[24:]) != uint64(crc32.ChecksumIEEE(payload[:24])) {
		return 0, 0, fmt.Errorf("answer %x differs from the request", payload)
	}
	return binary.BigEndian.Uint64(payload[8:]), time.Duration(binary.BigEndian.Uint64(payload[16:])), nil
}

func (e *exchange) answered() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stats.Received
}

func (e *exchange) broken() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

func (e *exchange) reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stats.Reset()
}

// finish waits until enough answers arrived, and then until late ones had the time to arrive.
func (e *exchange) finish(ctx context.Context, report *Report) error {
	err := awaitGrowth(ctx, enoughAnswers, e.answered, e.broken)
	e.mu.Lock()
	newest, at := e.sent, time.Now()
	e.mu.Unlock()
	select {
	case <-time.After(lossAge):
	case <-ctx.Done():
	}
	e.mu.Lock()
	stats := e.stats
	e.mu.Unlock()
	stats.AddOpenGap(newest, at)
	report.Unit, report.Passed, report.Lost, report.Gap = "answers", stats.Received, stats.Lost, stats.Longest.Length
	return err
}
