package traffic

import (
	"net/netip"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/testbed"
)

// Trial is a connection on a test bed. It fails its test, and ends with it.
type Trial struct {
	*Connection
	t       testing.TB
	flowing time.Time
}

// Start opens a connection from the client of a test bed to its server, and returns when numbers come back.
func Start(
	t testing.TB, kind Kind, network *testbed.Network, server netip.AddrPort, interval time.Duration,
) *Trial {
	t.Helper()
	ends := Ends{Client: namespace.Named(network.Client.Name), Server: namespace.Named(network.Server.Name)}
	connection, err := Open(t.Context(), kind, ends, server, interval)
	if err != nil {
		t.Fatalf("Opening a connection from client to server: %v", err)
	}
	t.Cleanup(connection.Close)
	trial := &Trial{Connection: connection, t: t}
	trial.Continues()
	trial.flowing = time.Now()
	return trial
}

// continuing is how many numbers must come back before a connection counts as alive.
const continuing = 20

// Continues fails the test unless numbers continue to come back, in their order.
func (k *Trial) Continues() {
	k.t.Helper()
	before, _ := k.Heard()
	testbed.Eventually(k.t, "the connection continues", func() bool {
		heard, broken := k.Heard()
		if broken != nil {
			k.t.Fatalf("The connection broke: %v", broken)
		}
		return len(heard) >= len(before)+continuing
	})
}

// Stops waits until no number has come back for a time, and reports whether that happened.
func (k *Trial) Stops(silence time.Duration) bool {
	timeout := time.NewTimer(testbed.Timeout)
	defer timeout.Stop()
	poll := time.NewTicker(silence / 100)
	defer poll.Stop()
	for {
		if last := k.Report(k.flowing).Last; time.Since(last) >= silence {
			return true
		}
		select {
		case <-timeout.C:
			return false
		case <-poll.C:
		}
	}
}

// Gap returns the longest silence since the connection was first seen to flow.
func (k *Trial) Gap() time.Duration { return k.Report(k.flowing).Longest.Length }
