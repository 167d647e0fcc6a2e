package testbed

import (
	"net"
	"testing"
	"time"
)

// Connect opens a TCP connection from client to server, closes the listener, and returns both ends.
func (n *Network) Connect(t testing.TB, server string) (client, accepted *net.TCPConn) {
	t.Helper()
	listener := n.Server.ListenTCP(t, net.JoinHostPort(server, "0")).(*net.TCPListener)
	defer func() { _ = listener.Close() }()
	dialer := &net.Dialer{Timeout: Timeout}
	connect := func() (net.Conn, error) { return dialer.Dial("tcp", listener.Addr().String()) }
	client = Open(t, n.Client, connect).(*net.TCPConn)
	if err := listener.SetDeadline(time.Now().Add(Timeout)); err != nil {
		t.Fatal(err)
	}
	return client, Open(t, n.Server, listener.AcceptTCP)
}

// Exchange sends one datagram from client to server, and one back.
func (n *Network) Exchange(t testing.TB, server string) {
	t.Helper()
	listener := n.Server.ListenUDP(t, net.JoinHostPort(server, "0"))
	defer func() { _ = listener.Close() }()
	client := n.Client.DialUDP(t, "", listener.LocalAddr().String())
	defer func() { _ = client.Close() }()
	datagram := make([]byte, 8)
	if _, err := client.Write(datagram); err != nil {
		t.Fatalf("Sending to the server: %v", err)
	}
	for _, end := range []*net.UDPConn{listener, client} {
		if err := end.SetReadDeadline(time.Now().Add(Timeout)); err != nil {
			t.Fatal(err)
		}
	}
	_, from, err := listener.ReadFromUDPAddrPort(datagram)
	if err != nil {
		t.Fatalf("Receiving on the server: %v", err)
	}
	if _, err := listener.WriteToUDPAddrPort(datagram, from); err != nil {
		t.Fatalf("Answering the client: %v", err)
	}
	if _, err := client.Read(datagram); err != nil {
		t.Fatalf("Receiving on the client: %v", err)
	}
}
