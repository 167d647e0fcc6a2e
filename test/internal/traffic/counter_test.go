package traffic_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/internal/traffic"
)

const interval = time.Millisecond

// listen opens a listener on loopback.
func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// await waits until a report satisfies the condition.
func await(t *testing.T, counter *traffic.Counter, condition func(traffic.Report) bool) traffic.Report {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		report := counter.Report(time.Time{})
		if condition(report) {
			return report
		}
		select {
		case <-deadline:
			t.Fatalf("after 10 s the report is %+v", report)
		case <-time.After(interval):
		}
	}
}

func TestUnbrokenSequence(t *testing.T) {
	listener := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	server := traffic.Repeat(ctx, listener)
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	counter := traffic.Count(ctx, conn, interval)
	await(t, counter, func(r traffic.Report) bool { return r.Ticks >= 50 })
	cancel()
	counter.Wait()
	server.Wait()
	if err := counter.Report(time.Time{}).Err; err != nil {
		t.Errorf("the sequence was unbroken, but the error is %v", err)
	}
	if got := server.Clients(); len(got) != 1 || got[0].String() != conn.LocalAddr().String() {
		t.Errorf("the server saw %v, want the one connection from %v", got, conn.LocalAddr())
	}
}

func TestBrokenConnections(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"a number is missing": func(conn net.Conn) {
			_, _ = conn.Write(binary.BigEndian.AppendUint64(nil, 1))
			_, _ = conn.Write(binary.BigEndian.AppendUint64(nil, 3))
			_, _ = io.Copy(io.Discard, conn)
		},
		"a number is repeated": func(conn net.Conn) {
			_, _ = conn.Write(binary.BigEndian.AppendUint64(nil, 1))
			_, _ = conn.Write(binary.BigEndian.AppendUint64(nil, 1))
			_, _ = io.Copy(io.Discard, conn)
		},
		"the server closes": func(conn net.Conn) { _, _ = io.CopyN(io.Discard, conn, 80) },
	} {
		t.Run(name, func(t *testing.T) {
			listener := listen(t)
			served := make(chan struct{})
			go func() {
				defer close(served)
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				serve(conn)
				_ = conn.Close()
			}()
			conn, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			counter := traffic.Count(t.Context(), conn, interval)
			await(t, counter, func(r traffic.Report) bool { return r.Err != nil })
			counter.Close()
			_ = listener.Close()
			<-served
		})
	}
}
