//go:build netns

package heartbeat

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/heartbeat/seal"
	"github.com/hapair-io/hapair/test/testbed"
)

// The pod network of the test, which is one segment.
const (
	unitA, unitB, outsider = "10.244.0.1", "10.244.0.2", "10.244.0.3"
	floodPort              = 7780
	// floodRate is in datagrams a second, and floodTime how long it lasts.
	floodRate = 120_000
	floodTime = 3 * time.Second
	// beat is the interval of the heartbeats. A unit counts as silent after several of them, 300 ms at the defaults.
	beat    = 10 * time.Millisecond
	silence = 200 * time.Millisecond
)

// A stranger of the pod network floods the port of the heartbeats, from its own address and from that of the peer. The
// kernel drops the flood. The heartbeats of the peer arrive in time, and what was dropped is counted.
func TestPeerIsHeardInTimeWhileAStrangerFloodsThePort(t *testing.T) {
	for name, source := range map[string]string{"its own address": outsider, "the address of the peer": unitA} {
		t.Run(name, func(t *testing.T) { hearDuringFlood(t, netip.MustParseAddr(source)) })
	}
}

func hearDuringFlood(t *testing.T, source netip.Addr) {
	fabric := testbed.NewNamespace(t, "fabric")
	fabric.Bridge(t, "pods")
	plug := func(name, address string) *testbed.Namespace {
		n := testbed.NewNamespace(t, name)
		fabric.Plug(t, "pods", n, "eth0", name)
		n.Link(t, "eth0").Address(address + "/24")
		return n
	}
	a, b := listenIn(t, plug("a", unitA), unitA), listenIn(t, plug("b", unitB), unitB)
	stranger := plug("stranger", outsider)
	first, second := session(1)
	a.Rekey(netip.AddrPortFrom(netip.MustParseAddr(unitB), floodPort), secondary1, first)
	b.Rekey(netip.AddrPortFrom(netip.MustParseAddr(unitA), floodPort), primary1, second)
	a.say(0)
	b.hears(primary1, 0)

	flood := startFlood(t, stranger, source)
	longest, lost := exchange(a, b, floodTime)
	sent := flood()
	a.say(1 << 40) // The kernel reports with this one what it dropped until now.
	for b.next().Sequence != 1<<40 {
	}
	c := b.Counters()
	t.Logf("%d datagrams a second; longest round trip %s, %d lost, counted %+v",
		int(float64(sent)/floodTime.Seconds()), longest, lost, c)
	if rate := float64(sent) / floodTime.Seconds(); rate < 20_000 { // A busy machine sends less than it should.
		t.Errorf("the flood had only %.0f datagrams a second", rate)
	}
	if longest > silence || lost > 0 {
		t.Errorf("the longest round trip took %s, and %d heartbeats were lost", longest, lost)
	}
	if n := sum(c.Dropped); n > 0 {
		t.Errorf("the unit read %d datagrams of the flood: %+v", n, c)
	}
	if c.Unread < sent/2 { // The network may lose some.
		t.Errorf("%d of %d datagrams are counted", c.Unread, sent)
	}
}

// listenIn starts a unit inside a namespace.
func listenIn(t *testing.T, where *testbed.Namespace, address string) *unit {
	t.Helper()
	var link *Link
	err := where.Do(func() (err error) {
		link, err = Listen(Config{
			Address: netip.AddrPortFrom(netip.MustParseAddr(address), floodPort).String(),
			Log:     testr.NewWithInterface(t, testr.Options{}),
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return startUnit(t, link)
}

// exchange sends heartbeats for a time and returns the longest time until the peer heard one, and how many it did not
// hear within the time after which a unit counts as silent.
func exchange(a, b *unit, duration time.Duration) (longest time.Duration, lost int) {
	pace := time.NewTicker(beat)
	defer pace.Stop()
	for sequence, end := uint64(1), time.Now().Add(duration); time.Now().Before(end); sequence++ {
		sent := time.Now()
		a.say(sequence)
		select {
		case <-b.came:
			longest = max(longest, time.Since(sent))
		case <-time.After(silence):
			lost++
		}
		<-pace.C
	}
	return longest, lost
}

// startFlood sends forged heartbeats from a namespace until it is stopped, which returns how many were sent. They claim
// to come from a source.
func startFlood(t *testing.T, where *testbed.Namespace, source netip.Addr) (stop func() (sent uint64)) {
	t.Helper()
	var conn net.PacketConn
	err := where.Do(func() (err error) {
		conn, err = net.ListenPacket("ip4:255", "") // IPPROTO_RAW, with the header as given
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	batch := make([]ipv4.Message, floodRate/1000)
	for i := range batch {
		batch[i] = ipv4.Message{Buffers: [][]byte{forged(source, uint16(1024+i))}, Addr: &net.IPAddr{IP: net.ParseIP(unitB)}}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	var sent uint64
	running.Go(func() {
		socket, begun := ipv4.NewPacketConn(conn), time.Now()
		for ctx.Err() == nil {
			for due := uint64(time.Since(begun).Seconds() * floodRate); sent < due; {
				n, err := socket.WriteBatch(batch, 0)
				if err != nil {
					t.Errorf("Flooding: %v", err)
					return
				}
				sent += uint64(n)
			}
			<-time.After(time.Millisecond)
		}
	})
	t.Cleanup(cancel)
	return func() uint64 {
		cancel()
		running.Wait()
		_ = conn.Close()
		return sent
	}
}

// forged returns an IPv4 packet with a datagram as long as a heartbeat, whose key nobody knows.
func forged(source netip.Addr, port uint16) []byte {
	payload := make([]byte, datagramSize)
	_, _ = rand.Read(payload)
	payload[0] = seal.Version
	b := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, unix.IPPROTO_UDP, 0, 0}
	b = append(append(b, source.AsSlice()...), netip.MustParseAddr(unitB).AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, port)
	b = binary.BigEndian.AppendUint16(b, floodPort)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	b = append(append(b, 0, 0), payload...) // Datagrams may have a checksum of 0 instead (RFC 768).
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}
