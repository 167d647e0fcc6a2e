//go:build netns

package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/testbed/camera"
)

// newCamera runs a camera on the server until the test ends.
func newCamera(b *bed) {
	b.Helper()
	at := netip.AddrPortFrom(netip.MustParseAddr(serverAddress), rtspPort)
	c, err := camera.Serve(namespace.Named(b.server.Name), at)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
}

// watch runs ffmpeg for a time of sound. It calls during once the first sound has come, and returns how much came.
func (b *bed) watch(transport string, length time.Duration, during func()) (sound time.Duration) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), length+3*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, "ffmpeg", "-loglevel", "error", "-rtsp_transport", transport,
		"-i", "rtsp://"+at(serverAddress, rtspPort)+"/sound", "-t", fmt.Sprint(length.Seconds()), "-f", "s16le", "-")
	var problems bytes.Buffer
	command.Stderr = &problems
	out, err := command.StdoutPipe()
	if err == nil {
		err = b.client.Start(command)
	}
	if err != nil {
		b.Fatal(err)
	}
	total, buffer := 0, make([]byte, 4096)
	for err == nil {
		var n int
		if n, err = out.Read(buffer); n > 0 && total == 0 && during != nil {
			during()
		}
		total += n
	}
	_ = command.Wait() // It ends with an error if nothing came.
	b.Logf("ffmpeg over %s: %d bytes of sound; %s", transport, total, problems.String())
	const bytesASecond = 2 * camera.SampleRate
	return time.Duration(total) * time.Second / bytesASecond
}

// A real client receives the media of a real server, over UDP through a failover and inside the control connection.
func TestFFmpegPlays(t *testing.T) {
	const length = 4 * time.Second
	b := newBed(t, with("RTSP", rtspPort))
	newCamera(b)
	if got := b.watch("udp", length, b.failOver); got < length-time.Second {
		t.Errorf("over UDP and through a failover, %s of %s came", got, length)
	}
	if got := b.watch("tcp", time.Second, nil); got < time.Second/2 {
		t.Errorf("inside the control connection, %s came", got)
	}
}

// Without the gateway, ffmpeg gets nothing over UDP.
func TestFFmpegNeedsTheGateway(t *testing.T) {
	b := newBed(t, with("None", rtspPort))
	newCamera(b)
	if got := b.watch("udp", time.Second, nil); got > 0 {
		t.Errorf("%s came without a gateway", got)
	}
}

// maxDelay bounds how much longer a round trip on a control connection takes, in the median.
const maxDelay = 200 * time.Microsecond

// TestControlConnectionsAreFast compares round trips on a control connection with those on a connection that no gateway
// reads. They alternate, so that the load of the machine concerns both. The best of some rounds counts.
func TestControlConnectionsAreFast(t *testing.T) {
	const rounds, trips = 5, 400
	b := newBed(t, with("RTSP", rtspPort))
	read, plain := b.openControl(clientAddress, rtspPort), b.openControl(clientAddress, 7)
	var best time.Duration
	for round := range rounds {
		var with, without []time.Duration
		for range trips {
			with, without = append(with, read.roundTrip()), append(without, plain.roundTrip())
		}
		slices.Sort(with)
		slices.Sort(without)
		delay := with[trips/2] - without[trips/2]
		t.Logf("median round trip %s, without a gateway %s", with[trips/2], without[trips/2])
		if round == 0 || delay < best {
			best = delay
		}
	}
	if best > maxDelay {
		t.Errorf("a round trip takes %s longer, more than %s", best, maxDelay)
	}
}

// roundTrip returns how long a request and its reply take.
func (c *control) roundTrip() time.Duration {
	c.Helper()
	begun := time.Now()
	if _, err := c.client.Write([]byte("OPTIONS * RTSP/1.0\r\n\r\n")); err != nil {
		c.Fatal(err)
	}
	for line := ""; line != "\r\n"; {
		var err error
		if line, err = c.serverReader.ReadString('\n'); err != nil {
			c.Fatal(err)
		}
	}
	c.answer("RTSP/1.0 200 OK\r\n\r\n")
	return time.Since(begun)
}
