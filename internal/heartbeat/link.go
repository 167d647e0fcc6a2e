package heartbeat

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/heartbeat/seal"
)

// Keys are what heartbeats are sealed with: those that package transport exports from a session of replication.
type Keys = seal.Keys

// datagramSize is how long every heartbeat is, sealed.
const datagramSize = messageSize + seal.Overhead

// Config is what a link is made from.
type Config struct {
	// Address is where to listen and from where to send, as in ":7780": both families where there are both.
	Address string
	Log     logr.Logger
}

// ErrNoPeer says that nobody is known to send to.
var ErrNoPeer = errors.New("no peer to send heartbeats to: there was no session of replication yet")

// Link sends heartbeats and receives them. Its methods may be called from anywhere at any time.
type Link struct {
	log    logr.Logger
	socket *net.UDPConn
	raw    syscall.RawConn
	family int
	tally  tally

	mu            sync.Mutex
	conversations conversations
	peer          netip.AddrPort
	outgoing      outgoing
}

// Listen opens the socket. Nothing is received before Run, and nothing sent before Converse.
func Listen(c Config) (*Link, error) {
	address, err := net.ResolveUDPAddr("udp", c.Address)
	if err != nil {
		return nil, fmt.Errorf("listening for heartbeats on %q: %w", c.Address, err)
	}
	socket, err := net.ListenUDP("udp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for heartbeats: %w", err)
	}
	l := &Link{log: c.Log, socket: socket}
	if err := l.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("listening for heartbeats: %w", err), socket.Close())
	}
	return l, nil
}

func (l *Link) prepare() (err error) {
	if l.raw, err = l.socket.SyscallConn(); err != nil {
		return err
	}
	if l.family, err = familyOf(l.raw); err != nil {
		return err
	}
	if err := prioritise(l.raw, l.family); err != nil {
		l.log.Error(err, "Giving heartbeats priority failed, going on without")
	}
	l.outgoing.init(l.raw)
	return nil
}

// LocalAddress is where the link listens.
func (l *Link) LocalAddress() netip.AddrPort {
	address, _ := l.socket.LocalAddr().(*net.UDPAddr) // it is the socket of ListenUDP
	return address.AddrPort()
}

// Converse tells of a session with an incarnation of the peer: where the peer is, and the keys that both have from that
// session. What is received under these keys is from that incarnation. To repeat it is harmless; to come back to keys
// that were replaced by others is not allowed, since their nonces would come twice.
//
// One unit learns of a session before the other, and now and then the other never does, since the session broke on the
// way. So until the peer is heard under the newest keys, each message is also sent under those that it was heard under
// last, and what comes under earlier keys is taken.
func (l *Link) Converse(peer netip.AddrPort, incarnation string, k Keys) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.conversations.begin(incarnation, k); err != nil {
		l.log.Error(err, "Taking keys for heartbeats failed", "peerIncarnation", incarnation)
		return
	}
	if k.ID != l.conversations.newest.id {
		return // news of a session that another has followed
	}
	l.peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	if err := l.outgoing.setPeer(l.family, l.peer); err != nil {
		l.log.Error(err, "Sending heartbeats is impossible", "peer", l.peer.String(), "peerIncarnation", incarnation)
		return
	}
	l.log.V(1).Info("Exchanging heartbeats", "peer", l.peer.String(), "peerIncarnation", incarnation)
}

// Send sends a message to the peer. It never waits: what the network does not take at once is lost, like any datagram.
func (l *Link) Send(m Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.outgoing.to == nil {
		return ErrNoPeer
	}
	payload, err := m.append(l.outgoing.payload[:0])
	if err != nil {
		return fmt.Errorf("sending a heartbeat: %w", err)
	}
	sent := false
	for _, c := range l.conversations.sendUnder() {
		if c == nil {
			break
		}
		if err = l.outgoing.send(c.sealer, payload); err != nil {
			l.tally.unsent.Add(1)
			continue
		}
		l.tally.sent.Add(1)
		sent = true
	}
	if !sent {
		return fmt.Errorf("sending a heartbeat to %s: %w", l.peer, err)
	}
	return nil
}

// Close gives the socket back, and ends Run.
func (l *Link) Close() error { return l.socket.Close() }

// outgoing is what it takes to send without an allocation. The link's lock guards it.
type outgoing struct {
	raw      syscall.RawConn
	payload  [messageSize]byte
	datagram [datagramSize]byte
	to       unix.Sockaddr
	to4      unix.SockaddrInet4
	to6      unix.SockaddrInet6
	transmit func(fd uintptr) bool
	result   error
}

func (o *outgoing) init(raw syscall.RawConn) {
	o.raw = raw
	// Made once, since a closure costs an allocation. The runtime would wait for room in the socket; this does not.
	o.transmit = func(fd uintptr) bool {
		o.result = unix.Sendto(int(fd), o.datagram[:], unix.MSG_DONTWAIT, o.to)
		return true
	}
}

// setPeer writes the peer's address as the socket's family wants it. An address that is not valid is nobody's.
func (o *outgoing) setPeer(family int, peer netip.AddrPort) error {
	o.to = nil
	switch {
	case !peer.IsValid():
	case family == unix.AF_INET6:
		// An IPv4 address becomes the IPv6 address that is mapped to it.
		o.to6 = unix.SockaddrInet6{Addr: peer.Addr().As16(), Port: int(peer.Port())}
		o.to = &o.to6
	case peer.Addr().Is4():
		o.to4 = unix.SockaddrInet4{Addr: peer.Addr().As4(), Port: int(peer.Port())}
		o.to = &o.to4
	default:
		return errors.New("the peer has an IPv6 address and this node no IPv6: give both nodes the same families")
	}
	return nil
}

func (o *outgoing) send(sealer *seal.Sealer, payload []byte) error {
	if _, err := sealer.Seal(o.datagram[:0], payload); err != nil {
		return err
	}
	if err := o.raw.Write(o.transmit); err != nil {
		return err
	}
	return o.result
}
