package boot

import (
	"io"
	"net"
	"testing"
)

func TestSpliceHandsOnBothDirectionsAndTheirEnds(t *testing.T) {
	server := listen(t)
	go func() {
		conn, err := server.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		request, err := io.ReadAll(conn) // ends only when the client's end is passed on
		if err == nil {
			_, _ = conn.Write(append([]byte("answer to "), request...))
		}
	}()
	console := listen(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if client, err := console.Accept(); err == nil {
			splice(client, server.Addr().String())
		}
	}()

	conn := dial(t, console.Addr().String())
	if _, err := conn.Write([]byte("request")); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || string(answer) != "answer to request" {
		t.Errorf("answer = %q, %v", answer, err)
	}
	<-done
}

func TestSpliceClosesWhenNobodyListens(t *testing.T) {
	server := listen(t)
	address := server.Addr().String()
	_ = server.Close()
	console := listen(t)
	go func() {
		if client, err := console.Accept(); err == nil {
			splice(client, address)
		}
	}()
	if answer, err := io.ReadAll(dial(t, console.Addr().String())); err != nil || len(answer) != 0 {
		t.Errorf("answer = %q, %v", answer, err)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

func dial(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn.(*net.TCPConn)
}
