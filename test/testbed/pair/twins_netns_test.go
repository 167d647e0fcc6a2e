//go:build netns

package pair_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// twins are two streams from the server to the client: to a group, and of an ordinary connection that the client
// opened. The server sends the datagrams of both with one number at once, so that the losses can be compared however
// busy the machine is.
type twins struct {
	t               *testing.T
	group, ordinary *counted
	client          *testbed.Namespace
	receiver        *net.UDPConn
	address         netip.AddrPort

	mu   sync.Mutex
	next int
}

// counted is which datagrams of a stream have arrived.
type counted struct {
	mu      sync.Mutex
	arrived map[int]bool
	last    int
}

const televisionPort = 5004

func newTwins(t *testing.T, bed *pair.Pair, group string) *twins {
	t.Helper()
	s := &twins{
		t: t, client: bed.Client, group: &counted{arrived: map[int]bool{}}, ordinary: &counted{arrived: map[int]bool{}},
		address: netip.AddrPortFrom(netip.MustParseAddr(group), televisionPort),
	}
	server := testbed.ServerAddress
	if s.address.Addr().Is6() {
		server = testbed.ServerAddressIPv6
	}
	s.receiver = testbed.Open(t, bed.Client, func() (*net.UDPConn, error) {
		return net.ListenMulticastUDP("udp", interfaceNamed("lan0"), net.UDPAddrFromAddrPort(s.address))
	})
	listener := bed.Server.ListenUDP(t, net.JoinHostPort(server, "0"))
	client := bed.Client.DialUDP(t, "", listener.LocalAddr().String())
	to := s.open(listener, client)
	sender := testbed.Open(t, bed.Server, func() (*net.UDPConn, error) { return sendingBy("wan0", s.address) })
	s.read(s.group, s.receiver)
	s.read(s.ordinary, client)
	testbed.Background(t, func(ctx context.Context) { s.send(ctx, sender, listener, to) })
	return s
}

// interfaceNamed returns an interface of the namespace of the calling thread; nil if it does not exist.
func interfaceNamed(name string) *net.Interface {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return nil
	}
	return link
}

// sendingBy returns a socket that sends to a group by an interface, for some hops.
func sendingBy(name string, to netip.AddrPort) (*net.UDPConn, error) {
	const hops = 8
	c, err := net.ListenUDP("udp", nil)
	if err != nil {
		return nil, err
	}
	if to.Addr().Is6() {
		p := ipv6.NewPacketConn(c)
		if err = p.SetMulticastInterface(interfaceNamed(name)); err == nil {
			err = p.SetMulticastHopLimit(hops)
		}
		return c, err
	}
	p := ipv4.NewPacketConn(c)
	if err = p.SetMulticastInterface(interfaceNamed(name)); err == nil {
		err = p.SetMulticastTTL(hops)
	}
	return c, err
}

// open sends a datagram from the client, and returns the address that the server sees.
func (s *twins) open(listener, client *net.UDPConn) netip.AddrPort {
	s.t.Helper()
	if _, err := client.Write(make([]byte, 1)); err != nil {
		s.t.Fatal(err)
	}
	_ = listener.SetReadDeadline(time.Now().Add(testbed.Timeout))
	_, from, err := listener.ReadFromUDPAddrPort(make([]byte, 1))
	if err != nil {
		s.t.Fatal(err)
	}
	return from
}

// read counts what arrives at a socket until it is closed. The end of the test closes it.
func (s *twins) read(c *counted, from *net.UDPConn) {
	s.t.Helper()
	var reading sync.WaitGroup
	reading.Go(func() {
		number := make([]byte, 8)
		for {
			n, err := from.Read(number)
			if err != nil {
				return
			}
			if n == len(number) {
				c.note(int(binary.BigEndian.Uint64(number)))
			}
		}
	})
	s.t.Cleanup(func() {
		_ = from.Close()
		reading.Wait()
	})
}

func (s *twins) send(ctx context.Context, sender, listener *net.UDPConn, to netip.AddrPort) {
	ticker := time.NewTicker(sendInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		s.mu.Lock()
		number := binary.BigEndian.AppendUint64(nil, uint64(s.next))
		s.next++
		s.mu.Unlock()
		_, _ = sender.WriteToUDPAddrPort(number, s.address) // What cannot be sent is lost.
		_, _ = listener.WriteToUDPAddrPort(number, to)
	}
}

// sent returns the number of the next datagram.
func (s *twins) sent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

// rejoin lets the client leave the group and join it again, so that it reports.
func (s *twins) rejoin() {
	s.t.Helper()
	err := s.client.Do(func() error {
		p, link := ipv4.NewPacketConn(s.receiver), interfaceNamed("lan0")
		group := &net.UDPAddr{IP: s.address.Addr().AsSlice()}
		return errors.Join(p.LeaveGroup(link, group), p.JoinGroup(link, group))
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (c *counted) note(number int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.arrived[number], c.last = true, max(c.last, number)
}

// count returns how many datagrams have arrived from a number on.
func (c *counted) count(from int) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for number := range c.arrived {
		if number >= from {
			n++
		}
	}
	return n
}

// longestGap returns how many datagrams in a row were lost from a number on, at most.
func (c *counted) longestGap(from int) (longest int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	gap := 0
	for number := from; number <= c.last; number++ {
		if gap++; c.arrived[number] {
			gap = 0
		}
		longest = max(longest, gap)
	}
	return longest
}
