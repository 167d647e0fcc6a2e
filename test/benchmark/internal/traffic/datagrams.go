package traffic

import (
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/testbed"
)

const (
	// datagramTick is how often datagrams are sent: some at once at each tick.
	datagramTick = time.Millisecond
	// datagramBacklog bounds how many are sent at once by a sender that is late.
	datagramBacklog = 1000
	// datagramSize makes a frame of a usual size.
	datagramSize = 512
)

// Datagrams is one connection on which a client sends datagrams at a steady rate, and a server takes them without being
// woken: they end in its socket. Who wants to know how many arrived asks the server's interface.
type Datagrams struct {
	stop    chan struct{}
	sockets []socket
	running sync.WaitGroup
	failed  atomic.Pointer[error]
}

// Send begins to send so many a second, until Close or until the trial ends.
func Send(t testing.TB, network *testbed.Network, server netip.AddrPort, rate int) *Datagrams {
	t.Helper()
	d := &Datagrams{stop: make(chan struct{})}
	open := func(n *testbed.Namespace, open func() (socket, error)) (s socket) {
		err := n.Do(func() (err error) {
			s, err = open()
			return err
		})
		if err != nil {
			t.Fatalf("Opening a socket for datagrams: %v", err)
		}
		d.sockets = append(d.sockets, s)
		return s
	}
	t.Cleanup(d.close)
	sink := open(network.Server, func() (socket, error) { return listen(unix.SOCK_DGRAM, server) })
	// As small as the kernel lets it be, for nobody reads.
	if err := unix.SetsockoptInt(int(sink), unix.SOL_SOCKET, unix.SO_RCVBUF, 1); err != nil {
		t.Fatalf("Making a sink for datagrams: %v", err)
	}
	client := open(network.Client, func() (socket, error) { return dial(unix.SOCK_DGRAM, server) })
	d.running.Go(func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, and its priority with it
		hurry()
		if err := d.send(client, rate); err != nil {
			d.failed.Store(&err)
		}
	})
	return d
}

// send goes on past errors of single datagrams: what one met on its way is told to whoever sends the next.
func (d *Datagrams) send(client socket, rate int) error {
	datagram, sent, begun := make([]byte, datagramSize), 0, time.Now()
	for {
		select {
		case <-d.stop:
			return nil
		default:
		}
		due := int(time.Since(begun).Seconds() * float64(rate))
		for range min(due-sent, datagramBacklog) {
			_ = client.send(datagram, nil)
		}
		sent = due
		wait := unix.NsecToTimespec(int64(datagramTick))
		err := unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &wait, nil)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Close ends sending, and fails the trial when that failed.
func (d *Datagrams) Close(t testing.TB) {
	t.Helper()
	d.close()
	if err := d.failed.Load(); err != nil {
		t.Fatalf("Sending datagrams: %v", *err)
	}
}

func (d *Datagrams) close() {
	select {
	case <-d.stop:
		return
	default:
	}
	close(d.stop)
	d.running.Wait()
	for _, s := range d.sockets {
		_ = s.close() // what it carried is counted elsewhere
	}
}
