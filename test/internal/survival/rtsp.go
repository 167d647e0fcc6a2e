package survival

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"sync/atomic"

	"github.com/hapair-io/hapair/test/testbed/camera"
)

// rtspPort is that of control connections.
const rtspPort = 554

// RTSP has ffmpeg, which plays through every change of role, and viewers that set their media up before one and play
// after it. The server is of a Go module.
type RTSP struct {
	Site Site

	started
	// sound is how many bytes ffmpeg has received.
	sound     atomic.Uint64
	isPlaying bool
	next      *viewer
}

// Serve implements Sessions.
func (r *RTSP) Serve(context.Context) error {
	c, err := camera.Serve(string(r.Site.WAN), netip.AddrPortFrom(server, rtspPort))
	if err != nil {
		return err
	}
	r.atEnd(c.Close)
	return nil
}

// address returns the URL of the stream.
func (r *RTSP) address() string {
	return fmt.Sprintf("rtsp://%s/sound", netip.AddrPortFrom(server, rtspPort))
}

// Prepare implements Sessions.
func (r *RTSP) Prepare(ctx context.Context) error {
	if r.isPlaying {
		return nil
	}
	r.isPlaying = true
	if err := r.play(); err != nil {
		return err
	}
	return r.plays(ctx)
}

// Announce implements Sessions.
func (r *RTSP) Announce(context.Context) (err error) {
	r.next, err = newViewer(r.Site.LAN, r.address())
	if r.next != nil {
		r.atEnd(r.next.Close)
	}
	return err
}

// play runs ffmpeg over UDP.
func (r *RTSP) play() error {
	ffmpeg := exec.Command("ffmpeg", "-loglevel", "quiet", "-rtsp_transport", "udp", "-i", r.address(), "-f", "s16le", "-")
	out, err := ffmpeg.StdoutPipe()
	if err != nil {
		return err
	}
	if err := r.start(r.Site.LAN, ffmpeg); err != nil {
		return err
	}
	r.running.Go(func() {
		_, _ = io.Copy(counter{&r.sound}, out) // It ends with ffmpeg.
	})
	return nil
}

// counter counts bytes.
type counter struct{ count *atomic.Uint64 }

func (c counter) Write(b []byte) (int, error) {
	c.count.Add(uint64(len(b)))
	return len(b), nil
}

// plays waits until ffmpeg has received two seconds of sound, which has two bytes a sample.
func (r *RTSP) plays(ctx context.Context) error {
	return grows(ctx, "sound", 2*2*camera.SampleRate, func() (uint64, error) { return r.sound.Load(), nil })
}

// Check implements Sessions.
func (r *RTSP) Check(ctx context.Context) []Proof {
	return []Proof{
		{What: "media over UDP that ffmpeg plays", NeedsClass: true, Err: r.plays(ctx)},
		{What: "media set up before, played after", NeedsClass: true, Err: r.next.play(ctx)},
	}
}
