package nameserver

import (
	"context"
	"errors"
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
	reply, forward := l.handle(from.Addr().Unmap(), data, true)
	if forward == nil {
		l.reply(from, reply)
		return
	}
	l.questions.Go(func() { l.reply(from, forward(ctx)) })
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
	for conn.SetDeadline(time.Now().Add(streamIdle)) == nil {
		data, err := message.ReadStream(conn)
		if err != nil {
			return
		}
		reply, forward := l.handle(client, data, false)
		if forward != nil {
			reply = forward(ctx)
		}
		if len(reply) == 0 {
			return
		}
		_ = conn.SetDeadline(time.Now().Add(streamIdle))
		if message.WriteStream(conn, reply) != nil {
			return
		}
	}
}

// handle takes in the question of a client. It returns the reply, which is empty for none. If other servers must be
// asked, it returns a function that does so and returns the reply. The caller must call it, since it frees a place.
func (l *listener) handle(
	client netip.Addr, data []byte, isDatagram bool,
) (reply []byte, forward func(context.Context) []byte) {
	s, service := l.server, l.server.current()
	if service == nil || !service.admits(l.address, client) {
		s.counts.strangers.Add(1)
		return nil, nil
	}
	q, refusal, err := message.Parse(data, isDatagram)
	if err != nil {
		s.counts.refused.Add(1)
		return refusal, nil
	}
	if reply, ok := s.replyNow(service, q); ok {
		return reply, nil
	}
	if !s.questions.enter(client) {
		s.counts.dropped.Add(1)
		return nil, nil
	}
	return nil, func(ctx context.Context) []byte {
		defer s.questions.leave(client)
		return s.reply(ctx, service, q)
	}
}
