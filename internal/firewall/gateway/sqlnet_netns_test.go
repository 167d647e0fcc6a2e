//go:build netns

package gateway_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
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

// A client on the Internet gets the address that it knows, shorter or longer than the one in the redirect. It reaches
// the port behind it.
func TestSQLNetTranslatesRedirects(t *testing.T) {
	b := newBed(t, with("SQLNet", sqlnetPort))
	b.client.ListenTCP(t, at(clientAddress, 1600))
	shorter := b.publish()
	shorter.wantRedirect(emulators.Redirect(clientAddress, 1600), emulators.Redirect(wanAddress, 1600))
	longer := b.publish()
	longer.wantRedirect(emulators.AnnouncedRedirect("10.0.0.9", 1601), emulators.AnnouncedRedirect(wanAddress, 1601))
	for _, c := range []*control{shorter, longer} {
		c.exchange("before a failover")
	}
	for range 2 {
		b.failOver()
		for _, c := range []*control{shorter, longer} {
			c.exchange("after a failover")
		}
	}
	if !b.follows(b.server, serverAddress, at(wanAddress, 1600)) {
		t.Error("a translated redirect cannot be followed after a failover")
	}
	b.publish().wantRedirect(emulators.Redirect("10.0.0.9", 1602), emulators.Redirect(wanAddress, 1602))
}

// A redirect that the client has in part already becomes no other one.
func TestSQLNetDropsRedirectsInParts(t *testing.T) {
	b := newBed(t, with("SQLNet", sqlnetPort))
	c := b.publish()
	redirect := emulators.Redirect("10.0.0.9", 1600)
	c.sends(redirect[:12])
	c.write(string(redirect[12:]))
	b.units[0].awaitLog(t, "Refusing redirect of SQL*Net")
}

// publish opens a control connection from the Internet to a listener on the LAN.
func (b *bed) publish() *control {
	b.Helper()
	return b.openBetween(b.server, serverAddress, b.client, clientAddress, wanAddress, sqlnetPort)
}

// wantRedirect sends a redirect of the listener, and checks what the client receives.
func (c *control) wantRedirect(redirect, want []byte) {
	c.Helper()
	c.write(string(redirect))
	if got := c.receive(len(want)); string(got) != string(want) {
		c.Errorf("the redirect became %q, want %q", got, want)
	}
}

// exchange sends data in both directions at once, and checks them.
func (c *control) exchange(when string) {
	c.Helper()
	data := bytes.Repeat([]byte(when+"\n"), 1<<16/len(when))
	ends := map[net.Conn]*bufio.Reader{c.client: c.clientReader, c.server: c.serverReader}
	for conn, reader := range ends {
		deadline := time.Now().Add(testbed.Timeout)
		sent := make(chan error, 1)
		for other := range ends {
			_ = other.SetDeadline(deadline)
			if other != conn {
				go func() { _, err := other.Write(data); sent <- err }()
			}
		}
		got := make([]byte, len(data))
		n, err := io.ReadFull(reader, got)
		if err := errors.Join(err, <-sent); err != nil || !bytes.Equal(got, data) {
			c.Fatalf("%s: %d bytes of %d, or others: %v", when, n, len(data), err)
		}
	}
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
	return c.receive(len(data))
}

// receive returns a number of bytes that the client receives.
func (c *control) receive(n int) []byte {
	c.Helper()
	received := make([]byte, n)
	if err := c.client.SetReadDeadline(time.Now().Add(testbed.Timeout)); err != nil {
		c.Fatal(err)
	}
	if n, err := io.ReadFull(c.clientReader, received); err != nil {
		c.Fatal(fmt.Errorf("after %q: %w", received[:n], err))
	}
	return received
}
