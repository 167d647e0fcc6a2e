//go:build netns

package firewall_test

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/testbed"
)

// TestMulticastNeedsAPolicy has a client that receives a group, and a server that sends to it. The group passes by a
// policy alone, and another group does not pass.
func TestMulticastNeedsAPolicy(t *testing.T) {
	b := newBed(t)
	const policies = `
  addresses:
  - {name: television, members: [239.0.0.0/8]}
  policies:
  - {name: television, from: [wan], to: [lan], destination: [television], action: Accept}
`
	const forwarded = `
  multicast: {upstream: wan, downstream: [lan]}
`
	const other = "232.1.2.3"
	received, receivedOther := b.member("239.1.2.3", 5004), b.member(other, 5005)
	for _, c := range []struct {
		name, text string
		want       bool
	}{
		{"neither", head, false},
		{"no policy", head + forwarded, false},
		{"no proxy", head + policies, false},
		{"both", head + policies + forwarded, true},
	} {
		b.apply(c.text)
		arrived := func(from *net.UDPConn, group string, port int) bool {
			for range 15 {
				b.sendTo(group, port)
				_ = from.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
				if n, _ := from.Read(make([]byte, 8)); n > 0 {
					return true
				}
			}
			return false
		}
		if got := arrived(received, "239.1.2.3", 5004); got != c.want {
			t.Errorf("%s: the group arrives: %t", c.name, got)
		}
		if c.want && arrived(receivedOther, other, 5005) {
			t.Errorf("%s: a group without a policy arrives", c.name)
		}
	}
}

// member joins a group on the client.
func (b *bed) member(group string, port int) *net.UDPConn {
	b.Helper()
	return testbed.Open(b, b.client, func() (*net.UDPConn, error) {
		link, err := net.InterfaceByName("eth0")
		if err != nil {
			return nil, err
		}
		return net.ListenMulticastUDP("udp4", link, &net.UDPAddr{IP: net.ParseIP(group), Port: port})
	})
}

// sendTo sends a packet to a group from the server.
func (b *bed) sendTo(group string, port int) {
	b.Helper()
	c := testbed.Open(b, b.server, func() (*net.UDPConn, error) {
		return net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(serverAddress)})
	})
	defer func() { _ = c.Close() }()
	raw, err := c.SyscallConn()
	if err != nil {
		b.Fatal(err)
	}
	index := b.server.Link(b, "eth0").Index()
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, 8)
		_ = unix.SetsockoptIPMreqn(int(fd), unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(index)})
	})
	if _, err := c.WriteTo([]byte("picture"), &net.UDPAddr{IP: net.ParseIP(group), Port: port}); err != nil {
		b.Fatal(err)
	}
}
