package sight

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/testbed"
)

const (
	// snapshot is how much of a frame is read: all headers that are looked at.
	snapshot = 128
	// receiveBuffer lets this process be late by more than any run is long.
	receiveBuffer = 64 << 20
	// pollTimeout bounds how long the end of watching is overlooked.
	pollTimeout = 50 * time.Millisecond
)

// Watch looks at an interface until the trial ends, and notes the packets that are wanted.
type Watch struct {
	socket  int
	running sync.WaitGroup
	stop    chan struct{}

	mu      sync.Mutex
	packets []Packet
	failure error
}

// At begins to look at an interface of a namespace.
func At(t testing.TB, namespace *testbed.Namespace, name string, wanted func(Packet) bool) *Watch {
	t.Helper()
	w := &Watch{stop: make(chan struct{})}
	index := namespace.Link(t, name).Index()
	err := namespace.Do(func() (err error) {
		w.socket, err = open(index)
		return err
	})
	if err != nil {
		t.Fatalf("Looking at %s of %s: %v", name, namespace.Name, err)
	}
	w.running.Go(func() { w.read(wanted) })
	t.Cleanup(func() {
		close(w.stop)
		w.running.Wait()
		_ = unix.Close(w.socket)
	})
	return w
}

func open(index int) (int, error) {
	all := htons(unix.ETH_P_ALL)
	socket, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("opening a packet socket: %w", err)
	}
	timeout := unix.NsecToTimeval(int64(pollTimeout))
	err = errors.Join(
		unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer),
		unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout),
		unix.Bind(socket, &unix.SockaddrLinklayer{Protocol: all, Ifindex: index}),
	)
	if err != nil {
		return 0, errors.Join(fmt.Errorf("opening a packet socket: %w", err), unix.Close(socket))
	}
	return socket, nil
}

func htons(n uint16) uint16 { return n<<8 | n>>8 }

func (w *Watch) read(wanted func(Packet) bool) {
	frame, control := make([]byte, snapshot), make([]byte, 128)
	for {
		select {
		case <-w.stop:
			return
		default:
		}
		n, oob, _, from, err := unix.Recvmsg(w.socket, frame, control, 0)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENETDOWN) {
			continue // a cable that was pulled may be plugged in again
		}
		if err != nil {
			w.fail(fmt.Errorf("reading packets: %w", err))
			return
		}
		p, ok := parse(frame[:n])
		if !ok {
			continue
		}
		link, isLink := from.(*unix.SockaddrLinklayer)
		p.Outgoing = isLink && link.Pkttype == unix.PACKET_OUTGOING
		if !wanted(p) {
			continue
		}
		if p.At, err = stamped(control[:oob]); err != nil {
			w.fail(err)
			return
		}
		w.mu.Lock()
		w.packets = append(w.packets, p)
		w.mu.Unlock()
	}
}

func (w *Watch) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failure = err
}

// Packets are those seen so far, in their order.
func (w *Watch) Packets() ([]Packet, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.packets[:len(w.packets):len(w.packets)], w.failure
}

var errNoStamp = errors.New("a packet came without the time of its arrival")

func stamped(control []byte) (time.Time, error) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading when a packet came: %w", err)
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:]))), nil
		}
	}
	return time.Time{}, errNoStamp
}
