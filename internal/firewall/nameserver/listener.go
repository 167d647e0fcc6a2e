package nameserver

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/nameserver/message"
)

const (
	// maxQuestions and maxQuestionsOfClient bound the questions for which other servers are asked at once.
	maxQuestions         = 1024
	maxQuestionsOfClient = 128
	// maxStreams and maxStreamsOfClient bound the TCP connections of clients.
	maxStreams         = 256
	maxStreamsOfClient = 16
	// streamIdle is how long a client may be silent on a connection.
	streamIdle = 10 * time.Second
)

// listener has the sockets of an address.
type listener struct {
	server  *Server
	address netip.Addr
	packets *net.UDPConn
	streams net.Listener
	// questions are those that are answered now.
	questions sync.WaitGroup
}

// openListener opens the sockets of an address, which the unit does not need to have yet.
func (s *Server) openListener(ctx context.Context, address netip.Addr) (*listener, error) {
	config, at := net.ListenConfig{Control: s.prepare}, netip.AddrPortFrom(address, s.port).String()
	packets, err := config.ListenPacket(ctx, "udp", at)
	if err != nil {
		return nil, err
	}
	streams, err := config.Listen(ctx, "tcp", at)
	if err != nil {
		return nil, errors.Join(err, packets.Close())
	}
	return &listener{server: s, address: address, packets: packets.(*net.UDPConn), streams: streams}, nil
}

// prepareSocket makes a socket use the routes of the data plane, and lets it have an address that the unit does not
// have yet.
func prepareSocket(network, _ string, c syscall.RawConn) (failed error) {
	err := c.Control(func(fd uintptr) {
		level, option := unix.IPPROTO_IP, unix.IP_FREEBIND
		if strings.HasSuffix(network, "6") {
			level, option = unix.IPPROTO_IPV6, unix.IPV6_FREEBIND
		}
		failed = errors.Join(
			unix.SetsockoptInt(int(fd), level, option, 1),
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, contract.DataPlaneMark),
		)
	})
	return errors.Join(err, failed)
}

func (l *listener) close() error { return errors.Join(l.packets.Close(), l.streams.Close()) }

// serve answers until the context ends or a socket fails.
func (l *listener) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	failed := make(chan error, 2)
	l.questions.Go(func() { failed <- l.serveDatagrams(ctx) })
	l.questions.Go(func() { failed <- l.serveStreams(ctx) })
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	cancel()
	err = errors.Join(err, l.close())
	l.questions.Wait()
	return err
}

// serveDatagrams answers questions by UDP.
func (l *listener) serveDatagrams(ctx context.Context) error {
	buffer := make([]byte, message.MaxStream)
	for {
		n, from, err := l.packets.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return err
		}
		l.datagram(ctx, from, buffer[:n])
	}
}

// datagram answers one question by UDP. It only waits for what the unit knows itself.
func (l *listener) datagram(ctx context.Context, from netip.AddrPort, data []byte) {
	s, service, client := l.server, l.server.current(), from.Addr().Unmap()
	if service == nil || !service.admits(l.address, client) {
		s.counts.strangers.Add(1)
		return
	}
	q, refusal, err := message.Parse(data, true)
	if err != nil {
		s.counts.refused.Add(1)
		l.reply(from, refusal)
		return
	}
	if reply, ok := s.replyNow(service, q); ok {
		l.reply(from, reply)
		return
	}
	if !s.questions.enter(client) {
		s.counts.dropped.Add(1)
		return
	}
	l.questions.Go(func() {
		defer s.questions.leave(client)
		l.reply(from, s.reply(ctx, service, q))
	})
}

// reply sends a message to a client, unless it is empty. A client that does not receive it asks again.
func (l *listener) reply(to netip.AddrPort, data []byte) {
	if len(data) == 0 {
		return
	}
	if _, err := l.packets.WriteToUDPAddrPort(data, to); err != nil {
		l.server.log.V(1).Info("Sending an answer failed", "error", err.Error())
	}
}

// serveStreams answers questions by TCP.
func (l *listener) serveStreams(ctx context.Context) error {
	for {
		conn, err := l.streams.Accept()
		if err != nil {
			return err
		}
		client := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
		if !l.server.streams.enter(client) {
			l.server.counts.dropped.Add(1)
			_ = conn.Close()
			continue
		}
		l.questions.Go(func() {
			defer l.server.streams.leave(client)
			l.serveStream(ctx, conn, client)
		})
	}
}

// serveStream answers the questions of a connection, one after the other.
func (l *listener) serveStream(ctx context.Context, conn net.Conn, client netip.Addr) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		if stop() {
			_ = conn.Close()
		}
	}()
	var length [2]byte
	for conn.SetDeadline(time.Now().Add(streamIdle)) == nil {
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		data := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, data); err != nil {
			return
		}
		reply := l.streamed(ctx, client, data)
		if len(reply) == 0 {
			return
		}
		_ = conn.SetDeadline(time.Now().Add(streamIdle))
		framed := binary.BigEndian.AppendUint16(nil, uint16(len(reply)))
		if _, err := conn.Write(append(framed, reply...)); err != nil {
			return
		}
	}
}

// streamed returns the answer to a question by TCP; empty if the connection is to be closed.
func (l *listener) streamed(ctx context.Context, client netip.Addr, data []byte) []byte {
	s, service := l.server, l.server.current()
	if service == nil || !service.admits(l.address, client) {
		s.counts.strangers.Add(1)
		return nil
	}
	q, refusal, err := message.Parse(data, false)
	if err != nil {
		s.counts.refused.Add(1)
		return refusal
	}
	if reply, ok := s.replyNow(service, q); ok {
		return reply
	}
	if !s.questions.enter(client) {
		s.counts.dropped.Add(1)
		return nil
	}
	defer s.questions.leave(client)
	return s.reply(ctx, service, q)
}
