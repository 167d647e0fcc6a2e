package endurance_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"

	"github.com/hapair-io/hapair/test/internal/endurance"
)

// echoes connects two hosts with simulated ICMP sockets, which need no privilege. The server answers echo requests,
// subject to its faults.
type echoes struct {
	loopback
	faults *faults
	server *inbox
}

func newEchoes(f *faults) *echoes { return &echoes{faults: f, server: newInbox()} }

func (e *echoes) hosts() endurance.Hosts {
	return endurance.Hosts{Client: echoClient{e}, Server: echoServer{e}}
}

type echoClient struct{ *echoes }

func (c echoClient) ListenPacket(context.Context, string, string) (net.PacketConn, error) {
	return echoSocket{newInbox(), c.request}, nil
}

type echoServer struct{ *echoes }

func (s echoServer) ListenPacket(context.Context, string, string) (net.PacketConn, error) {
	return echoSocket{s.server, nil}, nil
}

// request passes a request to the server, and the server's answer to the client.
func (e *echoes) request(packet []byte, client *inbox) {
	const echoReply, identifier = 0, 4
	seen := append([]byte(nil), packet...)
	translated := e.faults.translate(binary.BigEndian.Uint16(seen[identifier:]))
	binary.BigEndian.PutUint16(seen[identifier:], translated)
	e.server.put(seen)

	answer := append([]byte(nil), packet...)
	answer[0] = echoReply
	if answer = e.faults.apply(answer); len(answer) > 0 {
		client.put(answer)
	}
}

// echoSocket is a simulated raw socket.
type echoSocket struct {
	*inbox
	send func(packet []byte, from *inbox)
}

func (s echoSocket) WriteTo(b []byte, _ net.Addr) (int, error) {
	s.send(b, s.inbox)
	return len(b), nil
}

// inbox holds packets that a socket has received and nobody has read.
type inbox struct {
	net.PacketConn // only for the methods that the tests do not use
	packets        chan []byte
	closed         chan struct{}
	close          func()
}

func newInbox() *inbox {
	i := &inbox{packets: make(chan []byte, 1024), closed: make(chan struct{})}
	i.close = sync.OnceFunc(func() { close(i.closed) })
	return i
}

// put drops the packet if the inbox is full, as a kernel does.
func (i *inbox) put(packet []byte) {
	select {
	case i.packets <- packet:
	default:
	}
}

func (i *inbox) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case packet := <-i.packets:
		return copy(b, packet), &net.IPAddr{IP: anyPort.Addr().AsSlice()}, nil
	case <-i.closed:
		return 0, nil, errors.New("closed")
	}
}

func (i *inbox) Close() error {
	i.close()
	return nil
}
