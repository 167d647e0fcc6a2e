package testbed

import (
	"encoding/binary"
	"net"
	"testing"
	"time"
)

// Ping is a series of ICMP echo requests with one identifier, which makes them one connection.
type Ping struct {
	t          testing.TB
	connection net.PacketConn
	to         *net.IPAddr
	sequence   uint16
}

const (
	pingIdentifier = 0x4a50
	icmpEcho       = 8
	icmpEchoReply  = 0
)

// Ping returns a series of pings from the client to the server.
func (n *Network) Ping(t testing.TB) *Ping {
	t.Helper()
	p := &Ping{t: t, to: &net.IPAddr{IP: net.ParseIP(ServerAddress)}}
	p.connection = Open(t, n.Client, func() (net.PacketConn, error) {
		return net.ListenPacket("ip4:icmp", ClientAddress)
	})
	return p
}

// Answered sends echo requests until one is answered.
func (p *Ping) Answered() {
	p.t.Helper()
	Eventually(p.t, "a ping is answered", p.once)
}

func (p *Ping) once() bool {
	p.t.Helper()
	p.sequence++
	request := binary.BigEndian.AppendUint16([]byte{icmpEcho, 0, 0, 0}, pingIdentifier)
	request = binary.BigEndian.AppendUint16(request, p.sequence)
	binary.BigEndian.PutUint16(request[2:], Checksum(request))
	if _, err := p.connection.WriteTo(request, p.to); err != nil {
		p.t.Fatalf("Pinging: %v", err)
	}
	if err := p.connection.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		p.t.Fatal(err)
	}
	answer := make([]byte, 128)
	for {
		n, _, err := p.connection.ReadFrom(answer)
		if err != nil {
			return false
		}
		if n >= 8 && answer[0] == icmpEchoReply && binary.BigEndian.Uint16(answer[4:]) == pingIdentifier {
			return true
		}
	}
}

// Checksum returns the Internet checksum (RFC 1071) of an even number of bytes.
func Checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
