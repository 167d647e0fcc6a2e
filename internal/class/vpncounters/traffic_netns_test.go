//go:build netns

package vpncounters

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
)

// count counts the sequence numbers of the packets that arrive at the peer.
func (b *bed) count() {
	b.Helper()
	packets := testbed.Open(b, b.peer, func() (net.PacketConn, error) { return net.ListenPacket("ip4:50", "0.0.0.0") })
	if err := packets.(*net.IPConn).SetReadBuffer(16 << 20); err != nil {
		b.Fatal(err)
	}
	var counting sync.WaitGroup
	b.Cleanup(func() {
		_ = packets.SetReadDeadline(time.Unix(1, 0))
		counting.Wait()
	})
	counting.Go(func() {
		packet := make([]byte, 2048)
		for {
			n, _, err := packets.ReadFrom(packet)
			if err != nil {
				return
			}
			if n < 8 {
				continue
			}
			b.seenMu.Lock()
			b.seen[[2]uint32{binary.BigEndian.Uint32(packet), binary.BigEndian.Uint32(packet[4:])}]++
			b.seenMu.Unlock()
		}
	})
}

// counted returns how many different numbers were seen under a key, and how many of them more than once.
func (b *bed) counted(spi uint32) (different, repeated int) {
	b.seenMu.Lock()
	defer b.seenMu.Unlock()
	for id, n := range b.seen {
		if id[0] == spi {
			different++
			if n > 1 {
				repeated++
			}
		}
	}
	return different, repeated
}

// connect opens a TCP connection through a tunnel. It counts how many messages came back.
func (b *bed) connect(t tunnel) *atomic.Int64 {
	b.Helper()
	at := b.peer.ServeTCP(b, net.JoinHostPort(t.server, "0"), func(c net.Conn) { _, _ = io.Copy(c, c) })
	connection := testbed.Open(b, b.client, func() (net.Conn, error) {
		dialer := net.Dialer{Timeout: testbed.Timeout, LocalAddr: &net.TCPAddr{IP: net.ParseIP(t.client)}}
		return dialer.Dial("tcp", at.String())
	})
	exchanged := &atomic.Int64{}
	var exchanging sync.WaitGroup
	b.Cleanup(func() {
		_ = connection.SetDeadline(time.Unix(1, 0))
		exchanging.Wait()
	})
	exchanging.Go(func() {
		message := make([]byte, 64)
		for {
			if _, err := connection.Write(message); err != nil {
				return
			}
			if _, err := io.ReadFull(connection, message); err != nil {
				return
			}
			exchanged.Add(1)
		}
	})
	return exchanged
}

// flood sends datagrams through a tunnel all the time, so that the standby never knows all numbers.
func (b *bed) flood(t tunnel) {
	b.Helper()
	b.peer.ListenUDP(b, net.JoinHostPort(t.server, "9"))
	sender := b.client.DialUDP(b, net.JoinHostPort(t.client, "0"), net.JoinHostPort(t.server, "9"))
	testbed.Background(b, func(ctx context.Context) {
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for ctx.Err() == nil {
			_, _ = sender.Write([]byte("flood"))
			<-ticker.C
		}
	})
}

// goesOn waits until both connections have exchanged some more messages.
func (b *bed) goesOn(exchanged []*atomic.Int64, when string) {
	b.Helper()
	for i, n := range exchanged {
		before := n.Load()
		goesOn := func() bool { return n.Load() >= before+3 }
		testbed.Eventually(b, fmt.Sprintf("TCP goes on in tunnel %d %s", i, when), goesOn)
	}
}
