package vpn

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/vpn/message"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/notify"
	"github.com/hapair-io/hapair/internal/state"
)

// relay is the class on one unit. It follows the daemon in both roles. The daemon of a standby describes nothing.
type relay struct {
	// socket is nil in a pair without an IKE daemon.
	socket  *socket
	metrics *Metrics
	// isLost is set when the standby's daemon has lost its SAs, so that it needs all of them.
	isLost notify.Signal

	mu      sync.Mutex
	known   known
	watches map[*watch]struct{}
	// sequence is the number of the last message, which is its key.
	sequence uint64
	// version is that of the daemon's messages, and segment its last message about a segment. They are unknown until the
	// first such message. The first process of the daemon's container makes it send one at each start.
	version uint8
	segment []byte
	// mustResync is set while the daemon has to describe everything, and it is unknown how to ask for that.
	mustResync bool
	// resyncAt is the earliest time of the next request for that.
	resyncAt time.Duration
	// unchecked is the memory of the messages to the daemon since it was last known to keep up, in bytes.
	unchecked int
	// dropped is the last value of the daemon's counter.
	dropped uint64
}

// Factory returns the factory of the class. The metrics may be nil.
func Factory(metrics *Metrics) class.Factory {
	return class.Factory{ID: state.VPN, New: func(o class.Options) (class.Class, error) {
		began := time.Now()
		r := &relay{
			isLost: notify.New(), watches: map[*watch]struct{}{}, metrics: metrics,
			known: newKnown(func() time.Duration { return time.Since(began) }),
		}
		c := class.Class{ID: state.VPN, Source: source{r}, Sink: sink{r}, Codec: codec{}, Lost: r.isLost}
		if !o.HasTunnels {
			return c, nil
		}
		var err error
		if r.socket, err = listen(); err != nil {
			return class.Class{}, err
		}
		var following sync.WaitGroup
		following.Go(func() { r.socket.run(r.take) })
		c.Close = func() error {
			err := r.socket.close()
			following.Wait()
			return err
		}
		return c, nil
	}}
}

// take handles the messages that wait in the socket, and reports whether there were any.
func (r *relay) take(fd int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, lost := r.socket.receive(fd, r.handle)
	if lost {
		r.metrics.countLoss(lossSocket)
		r.restart()
	}
	r.metrics.setIKESAs(r.known.countEstablished())
	return n > 0
}

// handle handles a message of the unit's daemon, or of the first process of its container. The caller holds the lock.
func (r *relay) handle(from netip.AddrPort, datagram []byte) {
	m, err := message.Parse(datagram)
	switch {
	case err != nil: // of a program that is no IKE daemon
	case m.Type == message.Resync:
		r.restart()
	case from != contract.IKEDaemon():
	case m.Type == message.DropSegment || m.Type == message.TakeSegment:
		r.version, r.segment = m.Version, slices.Clone(datagram)
		if r.mustResync {
			r.resync()
		}
	case m.Type.IsState():
		r.metrics.countMessage(fromDaemon, len(datagram))
		r.metrics.countKeys(m.Type)
		r.pass(m, datagram)
		r.repeatAddresses(m, datagram)
	}
}

// pass passes a message on to the other unit. The caller holds the lock.
func (r *relay) pass(m message.Message, datagram []byte) {
	r.known.observe(m, datagram)
	r.sequence++
	for w := range r.watches {
		w.add(r.sequence, datagram)
	}
}

// restart makes the units begin again, after messages were lost or the daemon has lost its SAs. The caller holds the
// lock.
func (r *relay) restart() {
	r.known.clear()
	for w := range r.watches {
		w.overrun()
	}
	r.isLost.Notify()
}

// resync makes the daemon describe all of its SAs. It also gives new keys to each child, since what it remembers of a
// child is not enough. The caller holds the lock.
func (r *relay) resync() {
	r.mustResync = r.segment == nil
	if !r.mustResync {
		r.metrics.countResync()
		r.send(message.ResyncLike(r.segment))
	}
}

// send sends a message to the daemon. A daemon that does not run needs none: it is asked for everything at its start.
// The caller holds the lock.
func (r *relay) send(datagram []byte) {
	if r.socket != nil {
		_ = r.socket.send(datagram)
	}
}

// codec is never asked, since no two messages have the same key.
type codec struct{}

// Merge returns the newer message.
func (codec) Merge(_, newer []byte) ([]byte, error) { return newer, nil }
