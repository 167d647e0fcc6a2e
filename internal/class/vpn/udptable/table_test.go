package udptable_test

import (
	"net"
	"testing"

	"github.com/hapair-io/hapair/internal/class/vpn/udptable"
)

func TestFindsSockets(t *testing.T) {
	listener, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 3)})
	if err != nil {
		t.Fatal(err)
	}
	address := listener.LocalAddr().(*net.UDPAddr).AddrPort()
	table, err := udptable.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = table.Close() }()
	if queue, exists, err := table.Find(address); err != nil || !exists || queue != (udptable.Queue{}) {
		t.Errorf("got %+v, %t and %v, want an empty queue", queue, exists, err)
	}
	sender, err := net.Dial("udp4", address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sender.Close() }()
	for range 3 {
		if _, err := sender.Write(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if queue, _, err := table.Find(address); err != nil || queue.Bytes < 3000 || queue.Dropped != 0 {
		t.Errorf("got %+v and %v, want what was sent", queue, err)
	}
	_ = listener.Close()
	if _, exists, err := table.Find(address); err != nil || exists {
		t.Errorf("got %t and %v after the socket was closed", exists, err)
	}
}
