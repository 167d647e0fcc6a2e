package traffic

import (
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/internal/ontime"
	"github.com/hapair-io/hapair/test/testbed"
)

const (
	// floodTick is the interval between two batches of datagrams.
	floodTick = time.Millisecond
	// floodBacklog bounds the batch of a sender that is late.
	floodBacklog = 1000
	// floodSize makes a frame of a usual size.
	floodSize = 512
)

// Flood sends datagrams on one connection at a steady rate. The server's socket drops them, so that nobody is woken. To
// count the datagrams that arrived, read the counters of the server's interface.
type Flood struct {
	stop    chan struct{}
	sockets []socket
	running sync.WaitGroup
	failed  atomic.Pointer[error]
}

// Send starts to send a number of datagrams a second. It ends with Close, or with the trial.
func Send(t testing.TB, network *testbed.Network, server netip.AddrPort, rate int) *Flood {
	t.Helper()
	d := &Flood{stop: make(chan struct{})}
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
	sink := open(network.Server, func() (socket, error) { return listen(UDP, server) })
	// The kernel raises the size to its minimum. Nobody reads the socket.
	if err := unix.SetsockoptInt(int(sink), unix.SOL_SOCKET, unix.SO_RCVBUF, 1); err != nil {
		t.Fatalf("Making a sink for datagrams: %v", err)
	}
	client := open(network.Client, func() (socket, error) { return dial(UDP, server) })
	d.running.Go(func() {
		ontime.Thread()
		if err := d.send(client, rate); err != nil {
			d.failed.Store(&err)
		}
	})
	return d
}

// send continues after errors: the kernel reports to a sender what happened to its earlier datagrams.
func (d *Flood) send(client socket, rate int) error {
	datagram, sent, begun := make([]byte, floodSize), 0, time.Now()
	for {
		select {
		case <-d.stop:
			return nil
		default:
		}
		due := int(time.Since(begun).Seconds() * float64(rate))
		for range min(due-sent, floodBacklog) {
			_ = client.send(datagram, nil)
		}
		sent = due
		wait := unix.NsecToTimespec(int64(floodTick))
		err := unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &wait, nil)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Close stops sending, and fails the trial if sending failed.
func (d *Flood) Close(t testing.TB) {
	t.Helper()
	d.close()
	if err := d.failed.Load(); err != nil {
		t.Fatalf("Sending datagrams: %v", *err)
	}
}

func (d *Flood) close() {
	select {
	case <-d.stop:
		return
	default:
	}
	close(d.stop)
	d.running.Wait()
	for _, s := range d.sockets {
		_ = s.close() // nothing is read from it
	}
}
