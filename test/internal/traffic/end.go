package traffic

import (
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// end is one end of a connection: a blocking socket, or a connection of package net.
type end interface {
	// receive reads once, with control messages where the end has any.
	receive(frame, control []byte) (received, error)
	// send sends a frame, to an address where the end is not connected.
	send(frame []byte, to unix.Sockaddr) error
	local() (netip.AddrPort, error)
	// shutdown ends every call that waits.
	shutdown()
	close() error
}

// acceptor is the listening end of a server.
type acceptor interface {
	accept() (end, netip.AddrPort, error)
	local() (netip.AddrPort, error)
	shutdown()
	close() error
}

// connection adapts a connection of package net. Tests put faults into such connections.
type connection struct{ net.Conn }

func (c connection) receive(frame, _ []byte) (received, error) {
	n, err := c.Read(frame)
	return received{size: n, at: time.Now()}, err
}

func (c connection) send(frame []byte, _ unix.Sockaddr) error {
	_, err := c.Write(frame)
	return err
}

func (c connection) local() (netip.AddrPort, error) { return addrPortOf(c.LocalAddr()), nil }

func (c connection) shutdown() { _ = c.Close() }

func (c connection) close() error { return c.Close() }

// listening adapts a listener of package net.
type listening struct{ net.Listener }

func (l listening) accept() (end, netip.AddrPort, error) {
	conn, err := l.Accept()
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	return connection{conn}, addrPortOf(conn.RemoteAddr()), nil
}

func (l listening) local() (netip.AddrPort, error) { return addrPortOf(l.Addr()), nil }

func (l listening) shutdown() { _ = l.Close() }

func (l listening) close() error { return l.Close() }

func addrPortOf(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	address := tcp.AddrPort()
	return netip.AddrPortFrom(address.Addr().Unmap(), address.Port())
}
