//go:build netns

package pair_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// description describes the sound that the sender sends to the group (RFC 8866).
const description = `v=0
o=- 0 0 IN IP4 203.0.113.9
s=sound
c=IN IP4 239.1.2.3/8
t=0 0
m=audio 5004 RTP/AVP 8
`

// listen lets ffmpeg send sound to a group without end, and lets another one play a length of it. It calls during once
// the first sound has come, and returns how much came.
func listen(t *testing.T, bed *pair.Pair, length time.Duration, during func()) time.Duration {
	t.Helper()
	sender := bed.Server.StartProgram(t, exec.Command("ffmpeg", "-loglevel", "error", "-re", "-f", "lavfi",
		"-i", "sine=frequency=440:sample_rate=8000", "-c:a", "pcm_alaw", "-f", "rtp",
		"rtp://"+group+":5004?ttl=8&localaddr="+testbed.ServerAddress))
	t.Cleanup(sender.Kill)
	file := filepath.Join(t.TempDir(), "sound.sdp")
	if err := os.WriteFile(file, []byte(description), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), length+3*time.Second)
	defer cancel()
	player := exec.CommandContext(ctx, "ffmpeg", "-loglevel", "error", "-protocol_whitelist", "file,udp,rtp",
		"-i", file, "-t", fmt.Sprint(length.Seconds()), "-f", "s16le", "-")
	var problems bytes.Buffer
	player.Stderr = &problems
	out, err := player.StdoutPipe()
	if err == nil {
		err = bed.Client.Start(player)
	}
	if err != nil {
		t.Fatal(err)
	}
	total, buffer := 0, make([]byte, 4096)
	for err == nil {
		var n int
		if n, err = out.Read(buffer); n > 0 && total == 0 {
			during()
		}
		total += n
	}
	_ = player.Wait() // It ends with an error if the sound stops.
	const bytesASecond = 2 * 8000
	sound := time.Duration(total) * time.Second / bytesASecond
	t.Logf("ffmpeg played %s of %s; %s", sound.Round(time.Millisecond), length, problems.String())
	return sound
}

// TestFFmpegPlaysAGroup lets ffmpeg play sound from another ffmpeg through a switchover, and never report again. In the
// control without the class, the sound stops.
func TestFFmpegPlaysAGroup(t *testing.T) {
	length := time.Duration(times(3, 10)) * time.Second
	for name, isReplicated := range map[string]bool{"replicated": true, "not replicated": false} {
		t.Run(name, func(t *testing.T) {
			bed := newTelevision(t, pair.Options{WithoutProvided: !isReplicated})
			got := listen(t, bed, length, func() {
				mute(t, bed)
				if isReplicated {
					awaitStandby(t, bed, group)
				}
				bed.Switchover()
			})
			if isComplete := got >= length-time.Second; isComplete != isReplicated {
				t.Errorf("%s of %s came", got, length)
			}
		})
	}
}
