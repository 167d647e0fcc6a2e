package testbed

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
)

// Open opens a socket or the like inside a namespace, and closes it when the test ends unless the test has.
func Open[C io.Closer](t testing.TB, n *Namespace, open func() (C, error)) (opened C) {
	t.Helper()
	err := n.Do(func() (err error) {
		opened, err = open()
		return err
	})
	if err != nil {
		t.Fatalf("Opening a %T in %s: %v", opened, n.Name, err)
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Closing a %T in %s: %v", opened, n.Name, err)
		}
	})
	return opened
}

// ListenUDP opens a socket at an address and port. Port 0 is any.
func (n *Namespace) ListenUDP(t testing.TB, at string) *net.UDPConn {
	t.Helper()
	address := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at))
	return Open(t, n, func() (*net.UDPConn, error) { return net.ListenUDP("udp", address) })
}

// DialUDP opens a socket that is connected to an address and port. An empty source is any.
func (n *Namespace) DialUDP(t testing.TB, from, to string) *net.UDPConn {
	t.Helper()
	var source *net.UDPAddr
	if from != "" {
		source = net.UDPAddrFromAddrPort(netip.MustParseAddrPort(from))
	}
	target := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(to))
	return Open(t, n, func() (*net.UDPConn, error) { return net.DialUDP("udp", source, target) })
}

// ListenTCP opens a listener at an address and port. Port 0 is any, and an address is not necessary.
func (n *Namespace) ListenTCP(t testing.TB, at string) net.Listener {
	t.Helper()
	return Open(t, n, func() (net.Listener, error) { return net.Listen("tcp", at) })
}

// ServeTCP serves connections until the test ends. It closes them after serve, and ends serve by closing them.
func (n *Namespace) ServeTCP(t testing.TB, at string, serve func(net.Conn)) netip.AddrPort {
	t.Helper()
	listener := n.ListenTCP(t, at)
	Background(t, func(ctx context.Context) {
		context.AfterFunc(ctx, func() { _ = listener.Close() })
		var connections sync.WaitGroup
		defer connections.Wait()
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			connections.Go(func() {
				defer stop()
				serve(conn)
				_ = conn.Close()
			})
		}
	})
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

// ServeHTTP serves at an address and port until the test ends, and returns the URL. Port 0 is any.
func (n *Namespace) ServeHTTP(t testing.TB, at string, handler http.Handler) (url string) {
	t.Helper()
	listener := n.ListenTCP(t, at)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: Timeout}
	Background(t, func(ctx context.Context) {
		context.AfterFunc(ctx, func() { _ = server.Close() })
		_ = server.Serve(listener)
	})
	return "http://" + listener.Addr().String()
}
