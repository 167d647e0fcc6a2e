// Package strongswan runs Debian's strongSwan as the peer of a pair's tunnels, in a network namespace of a test. The
// peer encrypts packets in userspace, so that a kernel without ESP suffices.
package strongswan

import (
	"strings"
	"testing"

	"github.com/hapair-io/hapair/test/testbed"
)

// Peer is a running strongSwan.
type Peer struct {
	Program *testbed.Program
	daemon  Daemon
	t       testing.TB
}

// Start starts a peer in a namespace, with a swanctl.conf and with files in its directories, as in
// x509/peer.pem. It ends with the test.
func Start(t testing.TB, n *testbed.Namespace, configuration string, files map[string]string) *Peer {
	t.Helper()
	daemon, err := Prepare(t.TempDir(), configuration, files)
	if err != nil {
		t.Fatal(err)
	}
	return start(t, n, daemon)
}

func start(t testing.TB, n *testbed.Namespace, daemon Daemon) *Peer {
	t.Helper()
	p := &Peer{Program: n.StartProgram(t, daemon.Command()), daemon: daemon, t: t}
	testbed.Eventually(t, "the peer answers", daemon.IsRunning)
	p.Swanctl("--load-all")
	return p
}

// Swanctl runs swanctl, which must succeed, and returns what it prints.
func (p *Peer) Swanctl(args ...string) string {
	p.t.Helper()
	out, err := p.daemon.Swanctl(args...)
	if err != nil {
		p.t.Fatalf("swanctl %s of the peer: %v: %s", strings.Join(args, " "), err, out)
	}
	return out
}
