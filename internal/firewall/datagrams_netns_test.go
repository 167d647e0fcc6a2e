//go:build netns

package firewall_test

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/testbed"
)

// inbox is a UDP socket on a host, at the same port of both families.
type inbox struct {
	b    *bed
	conn net.PacketConn
}

// listen opens a UDP socket on a host.
func (b *bed) listen(host *testbed.Namespace, address string) inbox {
	b.Helper()
	return inbox{b, testbed.Open(b, host, func() (net.PacketConn, error) { return net.ListenPacket("udp", address) })}
}

// next returns the text and source of the next datagram; false if none comes within the wait.
func (i inbox) next(wait time.Duration) (text string, from netip.AddrPort, ok bool) {
	i.b.Helper()
	if err := i.conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		i.b.Fatal(err)
	}
	buffer := make([]byte, 2048)
	n, sender, err := i.conn.ReadFrom(buffer)
	if err != nil {
		if !isTimeout(err) {
			i.b.Fatal(err)
		}
		return "", from, false
	}
	from = sender.(*net.UDPAddr).AddrPort()
	return string(buffer[:n]), netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), true
}

// until returns the texts of all datagrams before one with the text end.
func (i inbox) until(end string) (texts []string) {
	i.b.Helper()
	for {
		text, _, ok := i.next(patience)
		if !ok {
			i.b.Fatalf("no datagram %q after %q", end, texts)
		}
		if text == end {
			return texts
		}
		texts = append(texts, text)
	}
}

// bind opens a UDP socket on a host at one of its addresses, and connects it.
func (b *bed) bind(host *testbed.Namespace, from, to string) net.Conn {
	b.Helper()
	return host.DialUDP(b, from, to)
}

// send sends a datagram from a source to which the host may have no right.
func (b *bed) send(host *testbed.Namespace, from, to, text string) {
	b.Helper()
	source := netip.MustParseAddrPort(from).Addr()
	if !strings.Contains(b.in(host, "ip", "address"), " "+source.String()+"/") {
		borrowed := netip.PrefixFrom(source, source.BitLen()).String()
		loopback := host.Link(b, "lo").Address(borrowed)
		defer loopback.WithoutAddress(borrowed)
	}
	conn := b.bind(host, from, to)
	if _, err := conn.Write([]byte(text)); err != nil {
		b.Fatalf("sending from %s to %s: %v", from, to, err)
	}
	_ = conn.Close()
}

// broadcast sends a datagram to a broadcast address.
func (b *bed) broadcast(host *testbed.Namespace, to, text string) {
	b.Helper()
	conn, err := namespace.ListenPacket(b.Context(), at(host), "udp4", "0.0.0.0:68")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.WriteTo([]byte(text), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(to))); err != nil {
		b.Fatalf("sending to %s: %v", to, err)
	}
}

// forge sends an IPv4 datagram with any source, among them those that no socket can have.
func (b *bed) forge(host *testbed.Namespace, from, to, text string) {
	b.Helper()
	source, target := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	packet := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, unix.IPPROTO_UDP, 0, 0} // The kernel fills in length and checksum.
	packet = append(packet, source.Addr().AsSlice()...)
	packet = append(packet, target.Addr().AsSlice()...)
	packet = binary.BigEndian.AppendUint16(packet, source.Port())
	packet = binary.BigEndian.AppendUint16(packet, target.Port())
	packet = binary.BigEndian.AppendUint16(packet, uint16(8+len(text)))
	packet = append(packet, 0, 0) // Without a checksum.
	packet = append(packet, text...)
	b.inject(host, target.Addr(), packet)
}

// inject sends a packet with all of its headers. The kernel fills in what is zero in the header of IPv4.
func (b *bed) inject(host *testbed.Namespace, to netip.Addr, packet []byte) {
	b.Helper()
	family, address := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Addr: to.As16()})
	if to.Is4() {
		family, address = unix.AF_INET, &unix.SockaddrInet4{Addr: to.As4()}
	}
	err := host.Do(func() error {
		fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		return errors.Join(unix.Sendto(fd, packet, 0, address), unix.Close(fd))
	})
	if err != nil {
		b.Fatalf("sending a packet to %s: %v", to, err)
	}
}
