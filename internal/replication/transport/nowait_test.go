package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// tcpPair returns both ends of a TCP connection on this machine.
func tcpPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	if a, err = net.Dial("tcp", listener.Addr().String()); err == nil {
		b, err = listener.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return a, b
}

func TestConnectionWithoutWaitIsAConnection(t *testing.T) {
	a, b := tcpPair(t)
	c, err := withoutWait(a)
	if err != nil {
		t.Fatal(err)
	}
	free := func() int { return freeBytesOf(c) }
	if free() < 4<<10 {
		t.Errorf("%d free bytes on an idle connection", free())
	}
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("reading without data: %v", err)
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}

	much := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // more than buffers hold
	written := make(chan error, 1)
	go func() {
		_, err := c.Write(much)
		written <- err
	}()
	select {
	case err := <-written:
		t.Fatalf("16 MiB were written although nobody reads: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if free() != 0 {
		t.Errorf("%d free bytes on a connection that is full", free())
	}
	got := make([]byte, len(much))
	if _, err := io.ReadFull(b, got); err != nil || !bytes.Equal(got, much) {
		t.Errorf("other bytes arrived than were written, %v", err)
	}
	if err := <-written; err != nil {
		t.Errorf("writing: %v", err)
	}

	_ = b.Close()
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("%d bytes after the end, %v", n, err)
	}
	_ = c.Close()
	if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("writing to a closed connection: %v", err)
	}
}

func TestFreeBytesAreUnknownWithoutTCP(t *testing.T) {
	a, b := net.Pipe()
	defer func() { _, _ = a.Close(), b.Close() }()
	if free := freeBytesOf(a); free != 0 {
		t.Errorf("%d free bytes in a pipe", free)
	}
}
