package heartbeat

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/heartbeat/seal"
)

const (
	// failurePause is the pause after a failed read. A socket that always fails must not take a processor.
	failurePause = 10 * time.Millisecond
	// failureLog is the shortest time between two log lines about such failures.
	failureLog = time.Minute
)

// Run calls received with every message of the peer and the incarnation that sent it, one after the other, until the
// context or the link ends. It returns no error for failed reads: later ones may succeed. A message may come twice,
// once under each of two keys.
func (l *Link) Run(ctx context.Context, received func(from string, m Message)) error {
	defer context.AfterFunc(ctx, func() { _ = l.socket.SetReadDeadline(time.Unix(1, 0)) })()
	var logged time.Time
	var incoming incoming
	for {
		n, controls, _, _, err := l.socket.ReadMsgUDPAddrPort(incoming.datagram[:], incoming.controls[:])
		switch {
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			l.metrics.failures.Add(1)
			if now := time.Now(); now.Sub(logged) > failureLog {
				logged = now
				l.log.Error(err, "Receiving heartbeats failed, trying again")
			}
			_ = backoff.Sleep(ctx, failurePause)
			continue
		}
		l.metrics.unread.Add(incoming.unreadSince(controls))
		m, from, reason := l.open(&incoming, n)
		if reason != seal.Accepted {
			l.metrics.dropped[reason].Add(1)
			continue
		}
		l.metrics.received.Add(1)
		received(from, m)
	}
}

// incoming holds one byte more than a datagram. The kernel cuts off a longer one, which must not look like a valid one.
type incoming struct {
	datagram [datagramSize + 1]byte
	payload  [messageSize]byte
	controls [controlsSize]byte
	unread   uint32 // how many datagrams the kernel had dropped when it reported last
}

// open decrypts and decodes a datagram of n bytes.
func (l *Link) open(in *incoming, n int) (m Message, from string, reason seal.DropReason) {
	l.mu.Lock()
	defer l.mu.Unlock()
	payload, from, reason := l.keys.open(in.payload[:0], in.datagram[:n])
	if reason != seal.Accepted {
		return Message{}, "", reason
	}
	m, err := decodeMessage(payload)
	if err != nil {
		return Message{}, "", seal.DropContent
	}
	if m.Acknowledgement {
		l.roundTrips.finish(m, time.Now(), l.metrics.roundTrip)
	}
	return m, from, seal.Accepted
}
