package heartbeat

import (
	"net"
	"net/netip"

	"github.com/hapair-io/hapair/internal/heartbeat/seal"
)

// Counters are the counts of a link's metrics.
type Counters struct {
	Sent, Unsent, Received, Failures, Unread uint64

	Dropped map[seal.DropReason]uint64
}

// Counters returns what was counted until now.
func (l *Link) Counters() Counters {
	m := l.metrics
	c := Counters{
		Sent: m.sent.Load(), Unsent: m.unsent.Load(), Received: m.received.Load(), Failures: m.failures.Load(),
		Unread:  m.unread.Load(),
		Dropped: map[seal.DropReason]uint64{},
	}
	for _, reason := range seal.AllDropReasons() {
		c.Dropped[reason] = m.dropped[reason].Load()
	}
	return c
}

// LocalAddress returns the address on which the link listens.
func (l *Link) LocalAddress() netip.AddrPort {
	address, _ := l.socket.LocalAddr().(*net.UDPAddr) // ListenUDP made the socket.
	return address.AddrPort()
}
