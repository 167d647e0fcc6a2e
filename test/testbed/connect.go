package testbed

import (
	"net"
	"testing"
	"time"
)

// Connect opens a TCP connection from client to server, closes the listener, and returns both ends.
func (n *Network) Connect(t testing.TB, server string) (client, accepted *net.TCPConn) {
	t.Helper()
	var listener *net.TCPListener
	err := n.Server.Do(func() (err error) {
		listener, err = net.ListenTCP("tcp", &net.TCPAddr{IP: net.ParseIP(server)})
		return err
	})
	if err != nil {
		t.Fatalf("Listening on the server: %v", err)
	}
	defer func() { _ = listener.Close() }()
	err = n.Client.Do(func() error {
		c, err := (&net.Dialer{Timeout: Timeout}).Dial("tcp", listener.Addr().String())
		if err == nil {
			client = c.(*net.TCPConn)
		}
		return err
	})
	if err != nil {
		t.Fatalf("Connecting to the server: %v", err)
	}
	if err := listener.SetDeadline(time.Now().Add(Timeout)); err != nil {
		t.Fatal(err)
	}
	if accepted, err = listener.AcceptTCP(); err != nil {
		t.Fatalf("Accepting on the server: %v", err)
	}
	t.Cleanup(func() {
		_ = client.Close() // a test may have closed them
		_ = accepted.Close()
	})
	return client, accepted
}

// Exchange sends one datagram from client to server, and one back.
func (n *Network) Exchange(t testing.TB, server string) {
	t.Helper()
	var listener, client *net.UDPConn
	err := n.Server.Do(func() (err error) {
		listener, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(server)})
		return err
	})
	if err != nil {
		t.Fatalf("Listening on the server: %v", err)
	}
	defer func() { _ = listener.Close() }()
	err = n.Client.Do(func() (err error) {
		client, err = net.DialUDP("udp", nil, listener.LocalAddr().(*net.UDPAddr))
		return err
	})
	if err != nil {
		t.Fatalf("Opening a socket of the client: %v", err)
	}
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
