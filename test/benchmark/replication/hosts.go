package replication

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
)

// hosts measures real connections: a client opens them to a server through the primary, whose kernel reports several
// events for each.
var hosts = scenario{
	name: "hosts", systems: []string{hapair, cached, direct}, cases: []string{setUp, openedAndClosed},
	measure: measureHosts,
	columns: []column{
		reachedColumn, missingColumn,
		{"CPU µs", processorMicroseconds, "%.1f"},
		{"idle ‰", func(s Sample) float64 { return s.Idle }, "%.1f"},
		{"bytes", linkBytes, "%.0f"},
	},
	targets: []target{
		{what: "bytes a connection", of: linkBytes, against: cached, bounds: atMost(0.5)},
		{what: "missing", of: missing, bounds: atMost(0)},
	},
}

// What hosts do.
const (
	setUp           = "set up"
	openedAndClosed = "opened and closed"
)

const (
	// hostRate is the number of connections that are opened per second, and hostMost their largest number: each open
	// connection uses two files of this process.
	hostRate = 1000
	hostMost = 8000
	// dialers is the number of goroutines that open connections, so that one that waits does not delay the others.
	dialers = 8
)

func measureHosts(t testing.TB, o Options, s system, sample *Sample) {
	h := openHosts(t, s.network(), sample.Case == openedAndClosed)
	sample.Made = min(int(hostRate*o.Lasting.Seconds()), hostMost)
	resting := idle(t, s, o.Idle)
	before, begun := spent(t, s), time.Now()
	if err := h.dialAll(t, sample.Made); err != nil {
		t.Fatalf("Opening connections: %v", err)
	}
	sample.Reached = float64(sample.Made) / time.Since(begun).Seconds()
	if sample.Case == setUp {
		sample.Missing = sample.Made - settle(t, s, sample.Made)
	} else {
		testbed.Pause(t, time.Second) // wait for what is in flight
	}
	sample.charge(before, spent(t, s), time.Since(begun), resting)
}

// endpoints are a server that accepts connections and a client that opens them. If closing is set, the server closes
// each first.
type endpoints struct {
	network  *testbed.Network
	listener *net.TCPListener
	closing  bool
	running  sync.WaitGroup

	mu   sync.Mutex
	open []net.Conn
}

func openHosts(t testing.TB, n *testbed.Network, closing bool) *endpoints {
	t.Helper()
	h := &endpoints{network: n, closing: closing}
	err := n.Server.Do(func() (err error) {
		h.listener, err = net.ListenTCP("tcp4", &net.TCPAddr{IP: net.ParseIP(testbed.ServerAddress)})
		return err
	})
	if err != nil {
		t.Fatalf("Listening on the server: %v", err)
	}
	h.running.Go(h.accept)
	t.Cleanup(func() {
		_ = h.listener.Close() // which ends accepting
		h.running.Wait()
		for _, c := range h.open {
			_ = c.Close() // nothing was sent on it
		}
	})
	return h
}

// keep keeps a connection open until the trial ends.
func (h *endpoints) keep(c net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open = append(h.open, c)
}

func (h *endpoints) accept() {
	for {
		c, err := h.listener.Accept()
		if err != nil {
			return // the trial has ended, or the client fails
		}
		if h.closing {
			_ = c.Close() // the client waits for it
		} else {
			h.keep(c)
		}
	}
}

// dialAll opens a number of connections at a steady rate.
func (h *endpoints) dialAll(t testing.TB, number int) error {
	var dialing sync.WaitGroup
	var next atomic.Int64
	errs := make([]error, dialers)
	begun := time.Now()
	for i := range dialers {
		dialing.Go(func() {
			errs[i] = h.network.Client.Do(func() error {
				for n := next.Add(1); int(n) <= number; n = next.Add(1) {
					due := begun.Add(time.Duration(n) * time.Second / hostRate)
					select {
					case <-t.Context().Done():
						return t.Context().Err()
					case <-time.After(time.Until(due)):
					}
					if err := h.dial(); err != nil {
						return fmt.Errorf("connection %d: %w", n, err)
					}
				}
				return nil
			})
		})
	}
	dialing.Wait()
	return errors.Join(errs...)
}

// dial opens a connection in the network namespace of the calling thread, and closes it when the server has.
func (h *endpoints) dial() error {
	c, err := net.DialTimeout("tcp4", h.listener.Addr().String(), testbed.Timeout)
	if err != nil {
		return err
	}
	if !h.closing {
		h.keep(c)
		return nil
	}
	if err := c.SetDeadline(time.Now().Add(testbed.Timeout)); err != nil {
		return errors.Join(err, c.Close())
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return errors.Join(fmt.Errorf("waiting for the server to close: %w", err), c.Close())
	}
	return c.Close()
}
