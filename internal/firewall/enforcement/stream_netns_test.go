//go:build netns

package enforcement_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/test/testbed"
)

// stream is datagrams from the client to one port of the server.
type stream struct{ *testbed.Stream }

func (b *bed) stream(port int) stream {
	b.Helper()
	return stream{testbed.NewStream(b, b.client, b.server, fmt.Sprintf("%s:%d", serverAddress, port))}
}

// count returns how many datagrams arrived that were sent after an instant.
func (s stream) count(since time.Duration) (n int) {
	for _, d := range s.Sent() {
		if d.Before > since && d.Arrived != 0 {
			n++
		}
	}
	return n
}

// gap returns how long after an instant the last datagram passed before one was lost, and how long after it they passed
// again. It looks for losses until another instant.
func (s stream) gap(since, until time.Duration) (begins, ends time.Duration, found bool) {
	for _, d := range s.Sent() {
		switch lost := d.Arrived == 0; {
		case d.Before < since, !found && d.Before > until:
		case lost:
			found = true
		case found:
			return begins, d.Arrived - since, true
		default:
			begins = d.Before - since
		}
	}
	return begins, 0, false
}

// passes waits until the datagrams arrive.
func (b *bed) passes(s stream) { b.Helper(); passes(b, s) }

// passes waits until the datagrams arrive.
func passes(t testing.TB, s stream) {
	t.Helper()
	since := clock.Boot()
	testbed.Eventually(t, "datagrams arrive", func() bool { return s.count(since) > 20 })
}

// stops waits until no datagrams arrive any more, and checks that it stays so for a while.
func (b *bed) stops(s stream) {
	b.Helper()
	testbed.Eventually(b, "datagrams are stopped", func() bool {
		since := clock.Boot()
		testbed.Pause(b, 100*time.Millisecond)
		return s.count(since) == 0
	})
	since := clock.Boot()
	testbed.Pause(b, 500*time.Millisecond)
	if n := s.count(since); n > 0 {
		b.Errorf("%d datagrams got through", n)
	}
}
