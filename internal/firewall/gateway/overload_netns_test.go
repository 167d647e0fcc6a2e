//go:build netns

package gateway_test

import (
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
)

// TestOverloadOfSessions sets up many RTSP sessions and fails over. Half of them play before, and the others begin
// afterwards.
func TestOverloadOfSessions(t *testing.T) {
	const first = 10000
	count := testbed.OverloadSessions()
	b := newBed(t, with("RTSP", rtspPort))
	server := b.server.ListenUDP(t, at(serverAddress, 6970))
	listener := b.server.ListenTCP(t, at(serverAddress, rtspPort))
	var sessions []*control
	begun := time.Now()
	for n := range count {
		c := b.openTo(listener, at(serverAddress, rtspPort))
		sessions = append(sessions, c)
		if got, want := c.answer(setup(first+2*n, 6970)), setup(first+2*n, 6970); got != want {
			t.Fatalf("session %d: the reply became %q", n, got)
		}
	}
	ready := time.Since(begun)
	plays := func(n int) bool {
		media := b.client.ListenUDP(t, at(clientAddress, first+2*n))
		defer func() { _ = media.Close() }()
		return b.receives(media, server, at(wanAddress, first+2*n), "media")
	}
	for n := 0; n < count; n += 2 {
		if !plays(n) {
			t.Fatalf("session %d does not play", n)
		}
	}
	begun = time.Now()
	b.failOver()
	took := time.Since(begun)
	begun = time.Now()
	played, answered := 0, 0
	for n, c := range sessions {
		if plays(n) {
			played++
		}
		if again := setup(30000+2*n, 6970); c.answer(again) == again {
			answered++
		}
	}
	t.Logf("%d RTSP sessions, set up in %s; replicated and switched in %s", count,
		ready.Round(time.Millisecond), took.Round(time.Millisecond))
	t.Logf("afterwards %d play and %d answer, checked in %s", played, answered, time.Since(begun).Round(time.Millisecond))
	if played != count || answered != count {
		t.Errorf("%d and %d sessions were lost", count-played, count-answered)
	}
}
