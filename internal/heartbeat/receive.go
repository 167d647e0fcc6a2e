package heartbeat

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/hapair-io/hapair/internal/heartbeat/seal"
)

const (
	// failurePause is between two attempts to read from a socket that fails, so that one that fails for good does not
	// take a processor with it.
	failurePause = 10 * time.Millisecond
	// failureLog is how often at most such a failure is logged.
	failureLog = time.Minute
)

// Run calls received with every message of the peer, and which incarnation it is from, one after the other, until the
// context or the link ends. It returns no error: what the network does to a socket is no reason to hear nothing any
// more. A message may come twice, once under each of two keys.
func (l *Link) Run(ctx context.Context, received func(from string, m Message)) error {
	defer context.AfterFunc(ctx, func() { _ = l.socket.SetReadDeadline(time.Unix(1, 0)) })()
	var logged time.Time
	var incoming incoming
	for {
		n, _, err := l.socket.ReadFromUDPAddrPort(incoming.datagram[:])
		switch {
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			l.tally.failures.Add(1)
			if now := time.Now(); now.Sub(logged) > failureLog {
				logged = now
				l.log.Error(err, "Receiving heartbeats failed, going on")
			}
			pause(ctx, failurePause)
			continue
		}
		m, from, refusal := l.take(&incoming, n)
		if refusal != seal.Taken {
			l.tally.refused[refusal].Add(1)
			continue
		}
		l.tally.received.Add(1)
		received(from, m)
	}
}

// incoming has room for a byte more than any datagram that is taken: of a longer one the kernel returns as much as
// fits, and that must not look like a whole one.
type incoming struct {
	datagram [datagramSize + 1]byte
	payload  [messageSize]byte
}

// take reads a message out of a datagram of n bytes.
func (l *Link) take(in *incoming, n int) (m Message, from string, refusal seal.Refusal) {
	l.mu.Lock()
	payload, from, refusal := l.conversations.open(in.payload[:0], in.datagram[:n])
	l.mu.Unlock()
	if refusal != seal.Taken {
		return Message{}, "", refusal
	}
	m, err := decodeMessage(payload)
	if err != nil {
		return Message{}, "", seal.RefusedContent
	}
	return m, from, seal.Taken
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
