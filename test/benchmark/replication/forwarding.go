package replication

import (
	"encoding/binary"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/hapair-io/hapair/test/testbed"
)

// forwarding sends datagrams as fast as one sender can. Each is the first of a connection. It counts how many the
// primary forwards while it replicates.
var forwarding = scenario{
	name: "forwarding", systems: []string{hapair, cached, direct}, measure: measureForwarding,
	columns: slices.Concat([]column{
		{"sent/s", func(s Sample) float64 { return s.Offered }, "%.0f"},
		{"through/s", through, "%.0f"},
		missingColumn,
		{"CPU µs", processorMicroseconds, "%.1f"},
	}, memoryColumns, peakColumns),
	targets: []target{
		{what: "connections forwarded", of: through, against: cached, bounds: atLeast(1.3)},
		{what: "connections forwarded", of: through, against: direct, bounds: atLeast(2)},
		{what: "missing", of: missing, bounds: atMost(0)},
	},
}

func through(s Sample) float64 { return s.Reached }

const (
	// sources is the number of client ports. All of them send to some ports of the server, and then again to others. With
	// many to one port, the router would run out of ports to translate to. With few to many ports, the kernel would be
	// slow: before it writes a translated connection, it searches all those from the same port.
	sources     = 60_000
	firstSource = 1024
	firstTarget = 1024
	atOnce      = 16 // ports of the server
	// senderBatch is the number of datagrams that one call sends.
	senderBatch = 50
)

func measureForwarding(t testing.TB, o Options, s system, sample *Sample) {
	n := s.network()
	// The interface counts the datagrams, and nothing answers them.
	n.Server.Firewall(t, `
table netdev sink {
	chain ingress { type filter hook ingress device "wan0" priority 0; policy accept; ip protocol udp drop; }
}
`)
	tracked := count(t, n.Primary)
	before, counted, begun := spent(t, s), carried(t, n.Server, "wan0").receivedPackets, time.Now()
	sent, err := sendFirsts(t, n.Client, o.Lasting)
	took := time.Since(begun)
	if err != nil {
		t.Fatalf("Sending datagrams: %v", err)
	}
	arrived := carried(t, n.Server, "wan0").receivedPackets - counted
	sample.Offered, sample.Reached = float64(sent)/took.Seconds(), float64(arrived)/took.Seconds()
	sample.Made = count(t, n.Primary) - tracked // the server also receives other packets
	sample.Missing = sample.Made - settle(t, s, sample.Made)
	sample.charge(before, spent(t, s), time.Since(begun), 0)
	sample.weigh(t, s)
}

// sendFirsts sends datagrams for a time, each of another connection. They are raw, so that no port needs a socket.
func sendFirsts(t testing.TB, client *testbed.Namespace, lasting time.Duration) (sent int, err error) {
	t.Helper()
	var socket net.PacketConn
	err = client.Do(func() (err error) {
		socket, err = net.ListenPacket("ip4:udp", testbed.ClientAddress)
		return err
	})
	if err != nil {
		return 0, err
	}
	defer func() { _ = socket.Close() }()
	conn, messages := ipv4.NewPacketConn(socket), make([]ipv4.Message, senderBatch)
	for i := range messages {
		messages[i] = ipv4.Message{
			Buffers: [][]byte{make([]byte, datagramSize)}, Addr: &net.IPAddr{IP: net.ParseIP(testbed.ServerAddress)},
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for end := time.Now().Add(lasting); time.Now().Before(end); sent += senderBatch {
		if t.Context().Err() != nil {
			return sent, t.Context().Err()
		}
		for i := range messages {
			writeHeader(messages[i].Buffers[0], sent+i)
		}
		for batch := messages; len(batch) > 0; {
			n, err := conn.WriteBatch(batch, 0)
			if err != nil {
				return sent, err
			}
			batch = batch[n:]
		}
	}
	return sent, nil
}

// datagramSize results in the smallest Ethernet frame.
const datagramSize = 26

// writeHeader writes the UDP header of a connection by its number (RFC 768; a checksum of 0 means that it has no
// checksum).
func writeHeader(datagram []byte, number int) {
	binary.BigEndian.PutUint16(datagram, uint16(firstSource+number%sources))
	binary.BigEndian.PutUint16(datagram[2:], uint16(firstTarget+number/sources*atOnce+number%atOnce))
	binary.BigEndian.PutUint16(datagram[4:], uint16(len(datagram)))
}
