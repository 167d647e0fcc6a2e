//go:build netns

package gateway_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/emulators"
)

const sqlnetPort = 1521

// follows reports whether a client reaches an address to which it was redirected. It does not repeat its SYN.
func (b *bed) follows(from *testbed.Namespace, source, to string) bool {
	b.Helper()
	dialer := net.Dialer{Timeout: quiet, LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	err := from.Do(func() error {
		conn, err := dialer.Dial("tcp", to)
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
	return err == nil
}

// A redirect opens its address before the client has it. A client can follow one after a failover.
func TestSQLNetFollowsRedirects(t *testing.T) {
	b := newBed(t, with("SQLNet", sqlnetPort))
	for _, port := range []int{1600, 1601, 1602} {
		b.server.ListenTCP(t, at(serverAddress, port))
	}
	b.openControl(clientAddress, sqlnetPort).sends(emulators.Redirect(serverAddress, 1600))
	if !b.follows(b.client, clientAddress, at(serverAddress, 1600)) {
		t.Error("a redirect cannot be followed")
	}
	if b.follows(b.client, otherAddress, at(serverAddress, 1600)) {
		t.Error("another client can use the redirect")
	}
	if b.follows(b.client, clientAddress, at(serverAddress, 1601)) {
		t.Error("a port is open to which no listener redirected")
	}
	letters := b.openControl(clientAddress, sqlnetPort)
	for _, letter := range emulators.AnnouncedRedirect(serverAddress, 1602) {
		letters.sends([]byte{letter})
	}
	b.failOver()
	if !b.follows(b.client, clientAddress, at(serverAddress, 1602)) {
		t.Error("a redirect that came byte by byte cannot be followed after a failover")
	}
}

// A client on the Internet gets the address that it knows, and reaches the port behind it.
func TestSQLNetTranslatesRedirects(t *testing.T) {
	b := newBed(t, with("SQLNet", sqlnetPort))
	b.client.ListenTCP(t, at(clientAddress, 1600))
	c := b.openBetween(b.server, serverAddress, b.client, clientAddress, wanAddress, sqlnetPort)
	got := string(c.sends(emulators.Redirect(clientAddress, 1600)))
	padded := wanAddress + strings.Repeat(" ", len(clientAddress)-len(wanAddress))
	if want := string(emulators.Redirect(padded, 1600)); got != want {
		t.Errorf("the redirect became %q, want %q", got, want)
	}
	b.failOver()
	if !b.follows(b.server, serverAddress, at(wanAddress, 1600)) {
		t.Error("a translated redirect cannot be followed after a failover")
	}
	c = b.openBetween(b.server, serverAddress, b.client, clientAddress, wanAddress, sqlnetPort)
	if got := c.sends(emulators.Redirect("10.0.0.9", 1600)); got[4] != 4 {
		t.Errorf("a redirect with a shorter address became %q, not a refusal", got)
	}
	b.units[0].awaitLog(t, "Refusing redirect of SQL*Net")
}

// Without the gateway no redirect can be followed, and data are not read once a listener has accepted the client.
func TestSQLNetNeedsTheGateway(t *testing.T) {
	b := newBed(t, with("None", sqlnetPort))
	b.server.ListenTCP(t, at(serverAddress, 1600))
	b.openControl(clientAddress, sqlnetPort).sends(emulators.Redirect(serverAddress, 1600))
	if b.follows(b.client, clientAddress, at(serverAddress, 1600)) {
		t.Error("a redirect can be followed without a gateway")
	}
}

func TestSQLNetStopsReadingData(t *testing.T) {
	b := newBed(t, with("SQLNet", sqlnetPort))
	c := b.openControl(clientAddress, sqlnetPort)
	c.sends(emulators.Accept())
	b.server.ListenTCP(t, at(serverAddress, 1600))
	c.sends(emulators.Redirect(serverAddress, 1600))
	if b.follows(b.client, clientAddress, at(serverAddress, 1600)) {
		t.Error("a redirect in the data was read")
	}
}

// sends sends bytes of the server and returns as many that the client receives.
func (c *control) sends(data []byte) []byte {
	c.Helper()
	c.write(string(data))
	received := make([]byte, len(data))
	for n := 0; n < len(data); {
		if err := c.client.SetReadDeadline(time.Now().Add(testbed.Timeout)); err != nil {
			c.Fatal(err)
		}
		more, err := c.clientReader.Read(received[n:])
		if err != nil {
			c.Fatal(fmt.Errorf("after %q: %w", received[:n], err))
		}
		n += more
	}
	return received
}
