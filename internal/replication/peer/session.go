package peer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/heartbeat/seal"
	"github.com/hapair-io/hapair/internal/replication/protocol"
	"github.com/hapair-io/hapair/internal/replication/transport"
	"github.com/hapair-io/hapair/internal/replication/wire"
)

// byeTimeout is how long the last frame of a session may take.
const byeTimeout = 500 * time.Millisecond

// errStopping is the reason of a session that ends because this unit stops.
var errStopping = errors.New("the unit stops")

// Session is one session with the peer. Its methods are safe for concurrent use.
type Session struct {
	// Incarnation names the peer's process.
	Incarnation string
	// Address is that of the peer; invalid if the network has no IP addresses.
	Address netip.Addr
	// Keys seal the heartbeats between the two units.
	Keys seal.Keys
	// Rules are those of this session. The caller guards them.
	Rules *protocol.Rules

	connection *transport.Connection
	reader     *reader
	writer     *writer
	ctx        context.Context // ends with the session, with the reason as its cause
	end        context.CancelCauseFunc
}

// newSession returns the session of a connection over which both units have greeted each other.
func newSession(
	connection *transport.Connection, buffer *bufio.Reader, rules *protocol.Rules, incarnation string, keys seal.Keys,
) *Session {
	s := &Session{
		Incarnation: incarnation, Address: addressOf(connection.RemoteAddr()), Keys: keys, Rules: rules,
		connection: connection, reader: &reader{connection: connection, buffer: buffer}, writer: newWriter(connection),
	}
	s.ctx, s.end = context.WithCancelCause(context.Background())
	return s
}

// addressOf returns the IP address of the peer's end; an invalid one if it is no TCP connection.
func addressOf(end net.Addr) netip.Addr {
	if tcp, ok := end.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// RemoteAddr returns the address of the peer's end.
func (s *Session) RemoteAddr() net.Addr { return s.connection.RemoteAddr() }

// Run passes the peer's frames to handle, and sends frames, until the session or ctx ends. It returns the reason. The
// caller then calls Close.
func (s *Session) Run(ctx context.Context, handle Handler) error {
	defer context.AfterFunc(ctx, func() { s.end(context.Cause(ctx)) })()
	defer context.AfterFunc(s.ctx, func() {
		// The reader stops at once. The writer has a moment to send the reason.
		_ = s.connection.SetReadDeadline(time.Unix(1, 0))
		_ = s.connection.SetWriteDeadline(time.Now().Add(byeTimeout))
	})()
	var running sync.WaitGroup
	running.Go(func() { s.end(s.reader.run(s.ctx, handle)) })
	running.Go(func() {
		if err := s.writer.run(s.ctx); err != nil {
			s.end(err)
			return
		}
		s.sendBye()
	})
	running.Wait()
	return s.reason()
}

// sendBye sends why the session ends, in case that the peer still reads.
func (s *Session) sendBye() {
	_, _ = s.connection.Write(wire.Append(nil, &wire.Bye{Reason: s.reason().Error()})) // the session has ended anyway
}

// reason returns why the session has ended.
func (s *Session) reason() error {
	if cause := context.Cause(s.ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return errStopping
}

// End ends the session for a reason.
func (s *Session) End(reason error) { s.end(reason) }

// Close closes the connection.
func (s *Session) Close() error { return s.connection.Close() }

// Send queues a frame that carries no state. It is sent before any state.
func (s *Session) Send(f wire.Frame) {
	if err := s.writer.replies.add(f); err != nil {
		s.end(err)
		return
	}
	s.writer.signal()
}

// QueueAck queues an acknowledgement behind the frames that wait, if there are any or if force is set. Otherwise it
// queues nothing and reports false. It does not wake the writer.
func (s *Session) QueueAck(position uint64, force bool) (queued bool) {
	return s.writer.replies.acknowledge(position, force)
}

// Write writes an encoded frame at once, from the caller's goroutine. To wake the writer would cost more.
func (s *Session) Write(frame []byte) {
	if _, err := s.connection.Write(frame); err != nil {
		s.end(fmt.Errorf("writing to the peer: %w", err))
	}
}

// SetSource sets where frames of state come from; nil stops them.
func (s *Session) SetSource(source Source) {
	if source == nil {
		s.writer.source.Store(nil)
		return
	}
	s.writer.source.Store(&source)
	s.writer.signal()
}

// Wake makes the writer look for frames to send.
func (s *Session) Wake() { s.writer.signal() }

// SendSoon sends what the source has. It sends a few changes itself if it need not wait, since to wake the writer costs
// more than to send them.
func (s *Session) SendSoon() {
	done, err := s.writer.sendShort()
	if err != nil {
		s.end(err)
	}
	if !done {
		s.writer.signal()
	}
}

// SendLater sends what the source has after DeferDelay, together with what arrives until then.
func (s *Session) SendLater() {
	if !s.writer.isLaterSet.Swap(true) {
		s.writer.later.Reset(DeferDelay)
	}
}
