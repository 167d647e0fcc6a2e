package engine

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"
	"golang.org/x/time/rate"

	"github.com/hapair-io/hapair/internal/admission"
)

// Bounds of the connections whose client has not proved who it is.
const (
	// strangerPlaces is for clients at any address, peerPlaces for those at the peer's: strangers cannot take them.
	strangerPlaces, peerPlaces = 8, 2
	// handshakesPerSecond bounds the handshakes with strangers, each of which takes about a millisecond of a processor.
	handshakesPerSecond, handshakeBurst = 20, 20
	// firstByteTimeout is how long a client may say nothing.
	firstByteTimeout = 5 * time.Second
	// strangerLogInterval is the shortest time between two lines of the log about strangers.
	strangerLogInterval = 10 * time.Second
)

// Reasons for which a client is turned away before it has proved who it is.
var (
	errDisplaced = errors.New("newer connections took its place")
	errLimited   = fmt.Errorf("more than %d handshakes a second", handshakesPerSecond)
)

// strangers admits the connections of clients that have not proved who they are. Its methods are safe for concurrent
// use.
type strangers struct {
	any, peer *admission.Places
	rate      *rate.Limiter
	metrics   *Metrics
	log       logr.Logger

	mu     sync.Mutex
	logged time.Time
	hidden int // refusals since the last line of the log
}

// newStrangers returns strangers with free places.
func newStrangers(metrics *Metrics, log logr.Logger) *strangers {
	return &strangers{
		any: admission.NewPlaces(strangerPlaces), peer: admission.NewPlaces(peerPlaces),
		rate: rate.NewLimiter(handshakesPerSecond, handshakeBurst), metrics: metrics, log: log,
	}
}

// take gives a connection a place. Peer is the peer's address, if it is known.
func (s *strangers) take(connection net.Conn, peer netip.Addr) (place *admission.Place, isPeer bool) {
	tcp, ok := connection.RemoteAddr().(*net.TCPAddr)
	if ok && peer.IsValid() && tcp.AddrPort().Addr().Unmap() == peer.Unmap() {
		return s.peer.Take(connection), true
	}
	return s.any.Take(connection), false
}

// admit waits for the first byte of a connection, and reports whether to begin the handshake. A client that says
// nothing takes none of the handshakes that strangers may have.
func (s *strangers) admit(connection net.Conn, isPeer bool) error {
	if err := awaitFirstByte(connection); err != nil {
		return err
	}
	if !isPeer && !s.rate.Allow() {
		return errLimited
	}
	return nil
}

// awaitFirstByte returns when a connection has data to read, which it leaves there.
func awaitFirstByte(connection net.Conn) error {
	socket, ok := connection.(syscall.Conn)
	if !ok {
		return nil // not a connection of the kernel
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return fmt.Errorf("preparing connection: %w", err)
	}
	if err := connection.SetReadDeadline(time.Now().Add(firstByteTimeout)); err != nil {
		return fmt.Errorf("preparing connection: %w", err)
	}
	var first [1]byte
	var n int
	var failed error
	err = raw.Read(func(fd uintptr) (done bool) {
		n, _, failed = unix.Recvfrom(int(fd), first[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return !errors.Is(failed, unix.EAGAIN) && !errors.Is(failed, unix.EINTR)
	})
	switch err = errors.Join(err, failed); {
	case err != nil:
		return fmt.Errorf("waiting for the first byte: %w", err)
	case n == 0:
		return errors.New("the client closed the connection without a byte")
	default:
		return connection.SetReadDeadline(time.Time{})
	}
}

// refuse counts a connection that was turned away, and logs it unless another one was logged a moment ago.
func (s *strangers) refuse(connection net.Conn, reason error) {
	s.metrics.refusedConnections.WithLabelValues(refusalOf(reason)).Inc()
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.Sub(s.logged) >= strangerLogInterval {
		s.log.Info("Refused connection", "from", connection.RemoteAddr().String(), "reason", reason.Error(),
			"refusedBefore", s.hidden)
		s.logged, s.hidden = now, 0
		return
	}
	s.hidden++
}

// refusalOf returns the name of a reason in metrics.
func refusalOf(reason error) string {
	switch {
	case errors.Is(reason, errDisplaced):
		return refusalDisplaced
	case errors.Is(reason, errLimited):
		return refusalLimited
	default:
		return refusalFailed
	}
}
