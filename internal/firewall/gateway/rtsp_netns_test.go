//go:build netns

package gateway_test

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const rtspPort = 554

// setup returns a server's reply to SETUP.
func setup(client, server int) string {
	return fmt.Sprintf("RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 1\r\n"+
		"Transport: RTP/AVP;unicast;client_port=%d-%d;server_port=%d-%d\r\n\r\n", client, client+1, server, server+1)
}

// at returns an address with a port.
func at(address string, port int) string { return net.JoinHostPort(address, strconv.Itoa(port)) }

// A reply to SETUP opens both ports before the client has it. The media continue through a failover, and media that
// were set up before one can begin after it.
func TestRTSPOpensPortsOfMedia(t *testing.T) {
	b := newBed(t, with("RTSP", rtspPort))
	c := b.openControl(clientAddress, rtspPort)
	playing, ready := b.media(5000, 6970), b.media(5002, 6972)
	if got := c.answer(setup(5000, 6970)); got != setup(5000, 6970) {
		t.Errorf("the reply became %q", got)
	}
	if !b.receives(playing.rtp, playing.serverRTP, at(wanAddress, 5000), "first") {
		t.Error("the first packet did not arrive")
	}
	if !b.receives(playing.rtcp, playing.serverRTCP, at(wanAddress, 5001), "report") {
		t.Error("RTCP did not arrive")
	}
	if !b.receives(playing.serverRTCP, playing.rtcp, at(serverAddress, 6971), "receiver report") {
		t.Error("RTCP of the client did not arrive")
	}
	c.answer(setup(5002, 6972))
	for range 2 {
		b.failOver()
		if !b.receives(playing.rtp, playing.serverRTP, at(wanAddress, 5000), "next") {
			t.Error("media that play did not go on after a failover")
		}
		if !b.receives(ready.rtp, ready.serverRTP, at(wanAddress, 5002), "first") {
			t.Error("media that were set up did not begin after a failover")
		}
	}
	later := b.media(5004, 6974)
	c.answer(setup(5004, 6974))
	if !b.receives(later.rtp, later.serverRTP, at(wanAddress, 5004), "first") {
		t.Error("media that were set up after a failover did not arrive")
	}
	if b.receives(later.rtp, b.server.ListenUDP(t, at(serverAddress, 6999)), at(wanAddress, 5004), "other port") {
		t.Error("a port of the server passed that was not announced")
	}
	if t.Failed() {
		t.Log(b.entries())
	}
}

// Without the gateway nothing arrives, so the tests can fail.
func TestRTSPNeedsTheGateway(t *testing.T) {
	b := newBed(t, with("None", rtspPort))
	c := b.openControl(clientAddress, rtspPort)
	m := b.media(5000, 6970)
	c.answer(setup(5000, 6970))
	if b.receives(m.rtp, m.serverRTP, at(wanAddress, 5000), "first") {
		t.Error("media arrived without a gateway")
	}
}

// A server on the LAN is reached through destination translation.
func TestRTSPOfPublishedServer(t *testing.T) {
	b := newBed(t, with("RTSP", rtspPort))
	c := b.openBetween(b.server, serverAddress, b.client, clientAddress, wanAddress, rtspPort)
	rtp := b.server.ListenUDP(t, at(serverAddress, 5000))
	media := b.client.ListenUDP(t, at(clientAddress, 6970))
	c.answer(setup(5000, 6970))
	if !b.receives(rtp, media, at(serverAddress, 5000), "first") {
		t.Errorf("media of a published server did not arrive:\n%s", b.entries())
	}
}

// Each side gets the addresses that it knows. They may be longer or shorter, and the connection goes on.
func TestRTSPTranslatesAddresses(t *testing.T) {
	b := newBed(t, with("RTSP", rtspPort))
	const template = "RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;destination=%s;source=%s;" +
		"client_port=%d-%d;server_port=6970-6971\r\n\r\n"
	reply := func(destination, source string, client int) string {
		return fmt.Sprintf(template, destination, source, client, client+1)
	}
	published := b.openBetween(b.server, serverAddress, b.client, clientAddress, wanAddress, rtspPort)
	leaving := b.openControl(clientAddress, rtspPort)
	for client := 5000; client < 5008; client += 2 {
		want := reply(serverAddress, wanAddress, client)
		if got := published.answer(reply(serverAddress, clientAddress, client)); got != want {
			t.Errorf("the reply of a published server became %q, want %q", got, want)
		}
		want = reply(clientAddress, serverAddress, client)
		if got := leaving.answer(reply(wanAddress, serverAddress, client)); got != want {
			t.Errorf("the reply to a translated client became %q, want %q", got, want)
		}
		published.exchange("from the Internet")
		leaving.exchange("to the Internet")
		b.failOver()
	}
}

// A reply that comes byte by byte opens the ports, and so does one after other messages.
func TestRTSPInSmallSegments(t *testing.T) {
	b := newBed(t, with("RTSP", rtspPort))
	c := b.openControl(clientAddress, rtspPort)
	m := b.media(5000, 6970)
	describe := "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 5\r\n\r\nv=0\r\n"
	for _, letter := range strings.Split(describe+setup(5000, 6970), "") {
		c.write(letter)
	}
	c.readHead()
	c.readHead()
	if !b.receives(m.rtp, m.serverRTP, at(wanAddress, 5000), "first") {
		t.Error("media did not arrive")
	}
}

// The ports of one client are refused to another, which gets a reply to try another transport. The media continue to
// the one that has them.
func TestRTSPRefusesPortsInUse(t *testing.T) {
	b := newBed(t, with("RTSP", rtspPort))
	first, second := b.openControl(clientAddress, rtspPort), b.openControl(otherAddress, rtspPort)
	m := b.media(5000, 6970)
	first.answer(setup(5000, 6970))
	if got, want := second.answer(setup(5000, 6970)), strings.Replace(setup(5000, 6970), "200", "461", 1); got != want {
		t.Errorf("the second client got %q", got)
	}
	if !b.receives(m.rtp, m.serverRTP, at(wanAddress, 5000), "media") {
		t.Error("the first client lost its media")
	}
	b.units[0].awaitLog(t, `"refused":1`)
	if got := second.answer(setup(5010, 6980)); got != setup(5010, 6980) {
		t.Errorf("after a refusal the reply became %q", got)
	}
	if got := second.answer(setup(53, 6980)); !strings.Contains(got, "461") {
		t.Errorf("ports of services are not refused: %q", got)
	}
}

// Control connections continue without the firewall's process, and with one that hangs.
func TestRTSPPassesWithoutTheProcess(t *testing.T) {
	b := newBed(t, with("RTSP", rtspPort))
	c := b.openControl(clientAddress, rtspPort)
	c.answer(setup(5000, 6970))
	b.units[0].program.Signal(syscall.SIGSTOP)
	if got := b.openControl(otherAddress, rtspPort).answer(setup(5004, 6974)); got != setup(5004, 6974) {
		t.Errorf("with a process that hangs, the reply became %q", got)
	}
	b.units[0].program.Kill()
	if got := c.answer(setup(5006, 6976)); got != setup(5006, 6976) {
		t.Errorf("without a process, the reply became %q", got)
	}
	b.units[0].start(t)
	b.units[0].awaitGateway(t)
	m := b.media(5008, 6978)
	c.answer(setup(5008, 6978))
	if !b.receives(m.rtp, m.serverRTP, at(wanAddress, 5008), "first") {
		t.Error("media did not arrive after a restart")
	}
}
