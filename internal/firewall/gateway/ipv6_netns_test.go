//go:build netns

package gateway_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"testing"

	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/emulators"
)

// failOver6 makes the other unit forward, and waits until it reaches both hosts. The kernel uses IPv6 on an interface
// some time after its cable is plugged.
func (b *bed) failOver6() {
	b.Helper()
	b.failOver()
	for _, host := range []string{clientAddress6, serverAddress6} {
		testbed.Eventually(b, "the unit to reach "+host, func() bool {
			_, err := b.units[0].Command(exec.Command("ping", "-6", "-c", "1", "-W", "1", host))
			return err == nil
		})
	}
}

// Media over IPv6 pass through source and destination translation, and continue through a failover. Each side gets the
// addresses that it knows.
func TestRTSPOverIPv6(t *testing.T) {
	b := newBed(t, with("RTSP", rtspPort))
	reply := func(destination, source string) string {
		return fmt.Sprintf("RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;destination=[%s];source=[%s];"+
			"client_port=5000-5001;server_port=6970-6971\r\n\r\n", destination, source)
	}
	leaving := b.openBetween(b.client, clientAddress6, b.server, serverAddress6, serverAddress6, rtspPort)
	want := reply(clientAddress6, serverAddress6)
	if got := leaving.answer(reply(wanAddress6, serverAddress6)); got != want {
		t.Errorf("the reply to a translated client became %q, want %q", got, want)
	}
	published := b.openBetween(b.server, serverAddress6, b.client, clientAddress6, wanAddress6, rtspPort)
	want = reply(serverAddress6, wanAddress6)
	if got := published.answer(reply(serverAddress6, clientAddress6)); got != want {
		t.Errorf("the reply of a published server became %q, want %q", got, want)
	}
	client, server := b.client.ListenUDP(t, at(clientAddress6, 5000)), b.server.ListenUDP(t, at(serverAddress6, 6970))
	camera, viewer := b.client.ListenUDP(t, at(clientAddress6, 6970)), b.server.ListenUDP(t, at(serverAddress6, 5000))
	for _, when := range []string{"first", "after a failover", "after the way back"} {
		if !b.receives(client, server, at(wanAddress6, 5000), when) {
			t.Errorf("%s: media did not arrive", when)
		}
		if !b.receives(viewer, camera, at(serverAddress6, 5000), when) {
			t.Errorf("%s: media of a published server did not arrive", when)
		}
		leaving.exchange(when)
		published.exchange(when)
		b.failOver6()
	}
}

// A redirect over IPv6 opens its address, and gets another one of another length behind destination NAT.
func TestSQLNetOverIPv6(t *testing.T) {
	b := newBed(t, with("SQLNet", sqlnetPort))
	b.server.ListenTCP(t, at(serverAddress6, 1600))
	b.client.ListenTCP(t, at(clientAddress6, 1601))
	leaving := b.openBetween(b.client, clientAddress6, b.server, serverAddress6, serverAddress6, sqlnetPort)
	leaving.sends(emulators.Redirect(serverAddress6, 1600))
	if b.follows(b.client, clientAddress6, at(serverAddress6, 1602)) {
		t.Error("a port is open to which no listener redirected")
	}
	published := b.openBetween(b.server, serverAddress6, b.client, clientAddress6, wanAddress6, sqlnetPort)
	published.wantRedirect(emulators.Redirect(clientAddress6, 1601), emulators.Redirect(wanAddress6, 1601))
	b.failOver6()
	if !b.follows(b.client, clientAddress6, at(serverAddress6, 1600)) {
		t.Error("a redirect cannot be followed after a failover")
	}
	if !b.follows(b.server, serverAddress6, at(wanAddress6, 1601)) {
		t.Error("a translated redirect cannot be followed after a failover")
	}
	published.exchange("after a failover")
}

// The media over IPv6 come to the port that a client names, through source translation.
func TestRealAudioOverIPv6(t *testing.T) {
	b := newBed(t, with("RealAudio", realAudioPort))
	server, client := b.server.ListenUDP(t, at(serverAddress6, 6500)), b.client.ListenUDP(t, at(clientAddress6, 7000))
	control := b.openBetween(b.client, clientAddress6, b.server, serverAddress6, serverAddress6, realAudioPort)
	if got := control.greets(emulators.Hello(7000), 1); !bytes.Equal(got, emulators.Hello(7000)) {
		t.Errorf("the hello became %q", got)
	}
	if b.receives(client, server, at(wanAddress6, 7001), "unannounced") {
		t.Error("a port is open that no client named")
	}
	b.failOver6()
	if !b.receives(client, server, at(wanAddress6, 7000), "after a failover") {
		t.Error("media did not begin after a failover")
	}
}
