//go:build netns

package vpn_test

import (
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
)

// killCharon kills the IKE daemon of the unit, which then has no state, as that of the other unit.
func (b *bed) killCharon() {
	b.Helper()
	pid, err := testbed.OnlyChild(b.vpn.PID())
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil {
		b.Fatal(err)
	}
}

// TestConnectionOutlivesTheDaemon kills charon, and uses a TCP connection through the tunnel that was open before.
func TestConnectionOutlivesTheDaemon(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.write("firewall.json", example(t))
	b.write("secret/branch", secret)
	b.start()
	peer := b.startPeer(peerConfiguration, nil)
	testbed.Eventually(t, "TCP passes through the tunnel", func() bool {
		return exchange(t, b.client, b.far, remoteHost)
	})
	listener := b.far.ListenTCP(t, net.JoinHostPort(remoteHost, "0"))
	client := testbed.Open(t, b.client, func() (net.Conn, error) {
		return net.DialTimeout("tcp", listener.Addr().String(), 5*time.Second)
	})
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()

	b.killCharon()
	deadline := time.Now().Add(time.Minute)
	_ = client.SetDeadline(deadline)
	_ = server.SetDeadline(deadline)
	answer := make([]byte, 5)
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Read(answer); err != nil || string(answer) != "hello" {
		t.Fatalf("the peer got %q and %v through the new tunnel", answer, err)
	}
	if sas := peer.Swanctl("--list-sas"); strings.Count(sas, "ESTABLISHED") != 1 {
		t.Errorf("the peer has, want one tunnel:\n%s", sas)
	}
	if restarts := b.health().Daemons[0].Restarts; restarts != 1 {
		t.Errorf("charon was restarted %d times, want once", restarts)
	}
}
