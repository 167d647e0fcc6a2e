package admission_test

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/admission"
)

// dial opens a connection to a listener.
func dial(t *testing.T, listener net.Listener) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

// isOpen reports whether the server keeps a connection open for a moment.
func isOpen(t *testing.T, connection net.Conn, wait time.Duration) bool {
	t.Helper()
	if err := connection.SetReadDeadline(time.Now().Add(wait)); err != nil {
		t.Fatal(err)
	}
	_, err := connection.Read(make([]byte, 1))
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func TestNewConnectionDisplacesTheOldest(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := admission.Bound(inner, 3)
	accepted := make(chan net.Conn, 16)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			accepted <- connection
		}
	}()
	var clients, servers []net.Conn
	for range 5 {
		clients = append(clients, dial(t, listener))
		servers = append(servers, <-accepted)
	}
	for i, client := range clients {
		wait, want := 10*time.Second, false
		if i >= 2 { // the newest three
			wait, want = 50*time.Millisecond, true
		}
		if isOpen(t, client, wait) != want {
			t.Errorf("connection %d of 5 is open: %t, want %t", i, !want, want)
		}
	}
	// A connection that has ended takes no place.
	if err := servers[2].Close(); err != nil {
		t.Fatal(err)
	}
	clients = append(clients, dial(t, listener))
	servers = append(servers, <-accepted)
	if !isOpen(t, clients[3], 50*time.Millisecond) {
		t.Error("a connection was displaced although there was a free place")
	}
	_ = listener.Close()
	<-done
	for _, server := range servers {
		_ = server.Close()
	}
	if _, err := io.ReadAll(clients[5]); err != nil {
		t.Error(err)
	}
}

func TestPlaceReportsThatItWasDisplaced(t *testing.T) {
	places := admission.NewPlaces(1)
	a, b := net.Pipe()
	first, second := places.Take(a), places.Take(b)
	if !first.Leave() || second.Leave() {
		t.Error("the first connection was displaced, and not the second")
	}
	if _, err := a.Write([]byte{1}); err == nil {
		t.Error("a displaced connection is open")
	}
}
