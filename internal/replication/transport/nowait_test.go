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

// tcpPair is both ends of a TCP connection on this machine.
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
	room := func() int { return roomOf(c) }
	if room() < 4<<10 {
		t.Errorf("room for %d bytes on a connection that nothing waits on", room())
	}
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("reading what does not come: %v", err)
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
		t.Fatalf("16 MiB were written to nobody: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if room() != 0 {
		t.Errorf("room for %d bytes on a connection that is full", room())
	}
	got := make([]byte, len(much))
	if _, err := io.ReadFull(b, got); err != nil || !bytes.Equal(got, much) {
		t.Errorf("not what was written came, %v", err)
	}
	if err := <-written; err != nil {
		t.Errorf("writing: %v", err)
	}

	_ = b.Close()
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("after the end %d bytes, %v", n, err)
	}
	_ = c.Close()
	if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("writing to a closed connection: %v", err)
	}
}

func TestRoomIsUnknownOfWhatIsNotTCP(t *testing.T) {
	a, b := net.Pipe()
	defer func() { _, _ = a.Close(), b.Close() }()
	if room := roomOf(a); room != 0 {
		t.Errorf("room for %d bytes in a pipe", room)
	}
}
