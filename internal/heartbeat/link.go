package heartbeat

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/heartbeat/seal"
)

// Keys seal heartbeats. Package transport exports them from a replication session.
type Keys = seal.Keys

// datagramSize is the length of every sealed heartbeat.
const datagramSize = messageSize + seal.Overhead

// Config holds the settings of a link.
type Config struct {
	// Address is where to listen and from where to send, as in ":7780": both families where the node has both.
	Address string
	// Interfaces are the indexes of the interfaces by which heartbeats may arrive. An empty list is every interface.
	Interfaces []int
	// Metrics counts datagrams. Without it nothing is exported.
	Metrics *Metrics
	Log     logr.Logger
}

// ErrNoPeer means that there is no peer to send to.
var ErrNoPeer = errors.New("no peer to send heartbeats to: there was no replication session yet")

// Link sends and receives heartbeats. Its methods are safe for concurrent use.
type Link struct {
	log        logr.Logger
	socket     *net.UDPConn
	raw        syscall.RawConn
	family     int
	interfaces []int
	metrics    *Metrics

	mu         sync.Mutex
	keys       keyring
	peer       netip.AddrPort
	outgoing   outgoing
	roundTrips roundTrips
}

// Listen opens the socket. Nothing is received before Run, and nothing sent before Rekey.
func Listen(c Config) (*Link, error) {
	address, err := net.ResolveUDPAddr("udp", c.Address)
	if err != nil {
		return nil, fmt.Errorf("listening for heartbeats on %q: %w", c.Address, err)
	}
	socket, err := net.ListenUDP("udp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for heartbeats: %w", err)
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics(prometheus.NewRegistry())
	}
	l := &Link{log: c.Log, socket: socket, interfaces: c.Interfaces, metrics: c.Metrics}
	if err := l.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("listening for heartbeats: %w", err), socket.Close())
	}
	return l, nil
}

// prepare sets the options of the socket.
func (l *Link) prepare() (err error) {
	if l.raw, err = l.socket.SyscallConn(); err != nil {
		return err
	}
	if l.family, err = familyOf(l.raw); err != nil {
		return err
	}
	if err := prioritise(l.raw, l.family); err != nil {
		l.log.Error(err, "Giving heartbeats priority failed, continuing without")
	}
	if err := countUnread(l.raw); err != nil {
		l.log.Error(err, "Counting datagrams that the kernel drops failed, continuing without")
	}
	l.filter()
	l.outgoing.init(l.raw)
	return nil
}

// Rekey stores the keys of a replication session with an incarnation of the peer, and the peer's address. What is
// received under these keys is from that incarnation. Repeating a call is harmless. Keys that were replaced must not
// come back, since their nonces would be used twice.
//
// One unit learns of a session before the other, and sometimes the other never does, because the session broke on the
// way. So until the peer is heard under the newest keys, each message is also sent under the keys under which it was
// heard last. Messages under earlier keys are accepted.
func (l *Link) Rekey(peer netip.AddrPort, incarnation string, k Keys) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.keys.add(incarnation, k); err != nil {
		l.log.Error(err, "Storing keys for heartbeats failed", "peerIncarnation", incarnation)
		return
	}
	l.filter()
	if k.ID != l.keys.newest.id {
		return // Another session has followed this one.
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
	if !m.Acknowledgement {
		l.roundTrips.start(m, time.Now())
	}
	sent := false
	for _, e := range l.keys.sendUnder() {
		if e == nil {
			break
		}
		if err = l.outgoing.send(e.sealer, payload); err != nil {
			l.metrics.unsent.Add(1)
			continue
		}
		l.metrics.sent.Add(1)
		sent = true
	}
	if !sent {
		return fmt.Errorf("sending a heartbeat to %s: %w", l.peer, err)
	}
	return nil
}

// Close closes the socket, which ends Run.
func (l *Link) Close() error { return l.socket.Close() }

// outgoing holds what is needed to send without an allocation. The link's lock guards it.
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

// init prepares the call that sends.
func (o *outgoing) init(raw syscall.RawConn) {
	o.raw = raw
	// Made once, since a closure costs an allocation. The runtime would wait for space in the socket; this does not.
	o.transmit = func(fd uintptr) bool {
		o.result = unix.Sendto(int(fd), o.datagram[:], unix.MSG_DONTWAIT, o.to)
		return true
	}
}

// setPeer converts the peer's address to the socket's family. An address that is not valid removes the peer.
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

// send seals the payload and sends it.
func (o *outgoing) send(sealer *seal.Sealer, payload []byte) error {
	if _, err := sealer.Seal(o.datagram[:0], payload); err != nil {
		return err
	}
	if err := o.raw.Write(o.transmit); err != nil {
		return err
	}
	return o.result
}
