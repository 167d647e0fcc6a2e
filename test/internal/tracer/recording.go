package tracer

import (
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/testbed"
)

// Packet is what a Recording stores of a frame with TCP or UDP.
type Packet struct {
	// At is when the kernel saw the frame.
	At time.Time
	// Source is the station that sent the frame.
	Source Station
	// Outgoing is set for a frame that the recording host sent.
	Outgoing         bool
	Protocol         uint8
	SrcPort, DstPort uint16
	// Reset is set for a TCP segment that resets its connection.
	Reset bool
}

// Recording stores every wanted packet of an interface. Unlike a Tracer it has no bound, so a trial must be short.
type Recording struct {
	socket  *socket
	running sync.WaitGroup

	mu      sync.Mutex
	packets []Packet
	failure error
}

// Record starts to record on an interface of a namespace. The recording ends with the trial.
func Record(t testing.TB, n *testbed.Namespace, name string, wanted func(Packet) bool) *Recording {
	t.Helper()
	s, err := openSocket(namespace.Named(n.Name), name, unix.ETH_P_ALL)
	if err != nil {
		t.Fatalf("Recording %s of %s: %v", name, n.Name, err)
	}
	r := &Recording{socket: s}
	r.running.Go(func() { r.read(wanted) })
	t.Cleanup(func() {
		_ = s.close() // ends read
		r.running.Wait()
	})
	return r
}

func (r *Recording) read(wanted func(Packet) bool) {
	err := r.socket.each(func(f frame, a received) {
		p := Packet{
			At: a.at, Source: f.from, Outgoing: a.outgoing, Protocol: f.protocol,
			SrcPort: f.source, DstPort: f.port, Reset: f.reset,
		}
		if wanted(p) {
			r.keep(p)
		}
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failure = err
}

func (r *Recording) keep(p Packet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.packets = append(r.packets, p)
}

// Packets returns the packets so far, in their order.
func (r *Recording) Packets() ([]Packet, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.packets[:len(r.packets):len(r.packets)], r.failure
}
