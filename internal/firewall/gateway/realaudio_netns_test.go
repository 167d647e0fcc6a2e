//go:build netns

package gateway_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/emulators"
)

const realAudioPort = 7070

// greets sends the hello of a client and returns what the server receives.
func (c *control) greets(hello []byte, segments int) []byte {
	c.Helper()
	for part := range bytes.SplitSeq(hello, nil) {
		if segments == 1 {
			part = hello
		}
		if _, err := c.client.Write(part); err != nil {
			c.Fatal(err)
		}
		if segments == 1 {
			break
		}
	}
	received := make([]byte, len(hello))
	for n := 0; n < len(hello); {
		if err := c.server.SetReadDeadline(time.Now().Add(testbed.Timeout)); err != nil {
			c.Fatal(err)
		}
		more, err := c.serverReader.Read(received[n:])
		if err != nil {
			c.Fatal(err)
		}
		n += more
	}
	return received
}

// The media come to the port that a client names, from any port of its server, and continue through a failover. Two
// clients behind one address can name the same port.
func TestRealAudioOpensPortsOfClients(t *testing.T) {
	b := newBed(t, with("RealAudio", realAudioPort))
	server := b.server.ListenUDP(t, at(serverAddress, 6500))
	first, second := b.client.ListenUDP(t, at(clientAddress, 7000)), b.client.ListenUDP(t, at(otherAddress, 7000))
	if got := b.openControl(clientAddress, realAudioPort).greets(emulators.Hello(7000), 1); !bytes.Equal(
		got, emulators.Hello(7000)) {
		t.Errorf("the hello became %q", got)
	}
	if got := b.openControl(otherAddress, realAudioPort).greets(emulators.Hello(7000), 1); !bytes.Equal(
		got, emulators.Hello(7001)) {
		t.Errorf("the hello with a port in use became %q", got)
	}
	later := b.client.ListenUDP(t, at(clientAddress, 7010))
	b.openControl(clientAddress, realAudioPort).greets(emulators.Hello(7010), 2)
	if !b.receives(first, server, at(wanAddress, 7000), "first") {
		t.Error("media did not arrive")
	}
	if !b.receives(second, server, at(wanAddress, 7001), "second") {
		t.Error("media of the second client did not arrive")
	}
	b.failOver()
	if !b.receives(first, server, at(wanAddress, 7000), "next") {
		t.Error("media did not continue after a failover")
	}
	if !b.receives(later, server, at(wanAddress, 7010), "later") {
		t.Error("media that were announced byte by byte did not begin after a failover")
	}
	if b.receives(later, server, at(wanAddress, 7020), "unannounced") {
		t.Error("a port is open that no client named")
	}
}

// Nobody answers media, so their connection is never an established one. It must outlive what announced it, on the unit
// that began it and on the other one.
func TestRealAudioOutlivesItsPinhole(t *testing.T) {
	b := newBed(t, with("RealAudio", realAudioPort))
	server, client := b.server.ListenUDP(t, at(serverAddress, 6500)), b.client.ListenUDP(t, at(clientAddress, 7000))
	b.openControl(clientAddress, realAudioPort).greets(emulators.Hello(7000), 1)
	if !b.receives(client, server, at(wanAddress, 7000), "first") {
		t.Fatal("media did not arrive")
	}
	for range 2 {
		b.units[0].Run(t, "nft flush set inet hapair pinholes.realaudio.ipv4")
		b.units[0].Run(t, "nft flush map inet hapair pinholes.realaudio.nat.ipv4")
		if !b.receives(client, server, at(wanAddress, 7000), "next") {
			t.Error("media did not continue without their pinhole")
		}
		b.failOver()
	}
}

// Without the gateway nothing arrives, so the test can fail.
func TestRealAudioNeedsTheGateway(t *testing.T) {
	b := newBed(t, with("None", realAudioPort))
	server, client := b.server.ListenUDP(t, at(serverAddress, 6500)), b.client.ListenUDP(t, at(clientAddress, 7000))
	b.openControl(clientAddress, realAudioPort).greets(emulators.Hello(7000), 1)
	if b.receives(client, server, at(wanAddress, 7000), "first") {
		t.Error("media arrived without a gateway")
	}
}
