package traffic_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hapair-io/hapair/test/internal/traffic"
)

func TestClientHearsAnUnbrokenSequence(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	server := traffic.Serve(ctx, listener, time.Millisecond)
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	client := traffic.Listen(ctx, conn)
	deadline := time.After(10 * time.Second)
	for client.Report().Ticks < 50 {
		select {
		case <-deadline:
			t.Fatalf("heard %d numbers in 10 s", client.Report().Ticks)
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	client.Wait()
	server.Wait()
	if err := client.Report().Err; err != nil {
		t.Errorf("the sequence was unbroken, yet: %v", err)
	}
	if got := server.Clients(); len(got) != 1 || got[0].String() != conn.LocalAddr().String() {
		t.Errorf("the server saw %v, want the one connection from %v", got, conn.LocalAddr())
	}
}

func TestClientMeasuresTheLongestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far, near := net.Pipe()
		client := traffic.Listen(t.Context(), near)
		go func() { _, _ = io.Copy(io.Discard, far) }()
		for n, pause := range []time.Duration{5, 5, 700, 5, 30} {
			time.Sleep(pause * time.Millisecond) // the bubble's clock: nothing waits
			say(t, far, uint64(n))
		}
		synctest.Wait()
		if got := client.Report().Longest.Length; got != 700*time.Millisecond {
			t.Errorf("longest silence %v, want 700ms", got)
		}
		client.ResetGap()
		time.Sleep(2 * time.Second)
		if got := client.Report().Longest.Length; got != 2*time.Second {
			t.Errorf("a silence that goes on counts %v, want 2s", got)
		}
		_ = far.Close()
		client.Wait()
		if client.Report().Err == nil {
			t.Error("a connection that ended was not reported")
		}
	})
}

func TestClientRefusesABrokenSequence(t *testing.T) {
	far, near := net.Pipe()
	client := traffic.Listen(t.Context(), near)
	go func() { _, _ = io.Copy(io.Discard, far) }()
	say(t, far, 0)
	say(t, far, 2)
	client.Wait()
	if client.Report().Err == nil {
		t.Error("a missing number was not noticed")
	}
}

func say(t *testing.T, conn net.Conn, n uint64) {
	t.Helper()
	var frame [8]byte
	binary.BigEndian.PutUint64(frame[:], n)
	if _, err := conn.Write(frame[:]); err != nil {
		t.Fatal(err)
	}
}
