//go:build netns

package gate

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/testbed"
)

type mac = [6]byte

func ethernet(to, from mac, kind uint16, payload []byte) []byte {
	b := append(append([]byte{}, to[:]...), from[:]...)
	return append(binary.BigEndian.AppendUint16(b, kind), payload...)
}

// tagged puts tags of a VLAN into a frame, the last one outermost. Behind those of VLAN 0 the kernel looks on an
// interface without VLANs too, when the gate lets it.
func tagged(b []byte, vlan byte, kinds ...uint16) []byte {
	for _, kind := range kinds {
		tag := binary.BigEndian.AppendUint16(nil, kind)
		b = append(append(append([]byte{}, b[:12]...), append(tag, 0, vlan)...), b[12:]...)
	}
	return b
}

func untagged(b []byte) []byte {
	for len(b) >= 16 {
		if kind := binary.BigEndian.Uint16(b[12:]); kind != unix.ETH_P_8021Q && kind != unix.ETH_P_8021AD {
			break
		}
		b = append(append([]byte{}, b[:12]...), b[16:]...)
	}
	return b
}

func arp(from mac, operation byte, sender, target string) []byte {
	p := append([]byte{0, 1, 8, 0, 6, 4, 0, operation}, from[:]...)
	p = append(append(p, addr(sender).AsSlice()...), make([]byte, 6)...)
	return ethernet(mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, from, unix.ETH_P_ARP, append(p, addr(target).AsSlice()...))
}

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

// echo returns an ICMP or ICMPv6 echo request.
func echo(to, from mac, source, destination string) []byte {
	if addr(source).Is6() {
		return icmpv6(to, from, source, destination, []byte{128, 0, 0, 0, 7, 7, 0, 1})
	}
	message := []byte{8, 0, 0, 0, 7, 7, 0, 1}
	binary.BigEndian.PutUint16(message[2:], testbed.Checksum(message))
	header := []byte{0x45, 0, 0, byte(20 + len(message)), 0, 0, 0, 0, 64, unix.IPPROTO_ICMP, 0, 0}
	header = append(append(header, addr(source).AsSlice()...), addr(destination).AsSlice()...)
	binary.BigEndian.PutUint16(header[10:], testbed.Checksum(header))
	return ethernet(to, from, unix.ETH_P_IP, append(header, message...))
}

func icmpv6(to, from mac, source, destination string, message []byte) []byte {
	pseudo := append(addr(source).AsSlice(), addr(destination).AsSlice()...)
	pseudo = append(pseudo, 0, 0, 0, byte(len(message)), 0, 0, 0, unix.IPPROTO_ICMPV6)
	binary.BigEndian.PutUint16(message[2:], testbed.Checksum(append(pseudo, message...)))
	header := []byte{0x60, 0, 0, 0, 0, byte(len(message)), unix.IPPROTO_ICMPV6, 255}
	header = append(append(header, addr(source).AsSlice()...), addr(destination).AsSlice()...)
	return ethernet(to, from, unix.ETH_P_IPV6, append(header, message...))
}

// solicitation asks all who listen for the target.
func solicitation(from mac, source, target string) []byte {
	t := addr(target).As16()
	to := mac{0x33, 0x33, 0xff, t[13], t[14], t[15]}
	group := netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 11: 1, 12: 0xff, 13: t[13], 14: t[14], 15: t[15]})
	message := append([]byte{135, 0, 0, 0, 0, 0, 0, 0}, t[:]...)
	return icmpv6(to, from, source, group.String(), append(append(message, 1, 1), from[:]...))
}

func advertisement(from mac, source, target string) []byte {
	t := addr(target).As16()
	message := append([]byte{136, 0, 0, 0, 0x20, 0, 0, 0}, t[:]...)
	return icmpv6(mac{0x33, 0x33, 0, 0, 0, 1}, from, source, "ff02::1", append(append(message, 2, 1), from[:]...))
}

// port is a raw socket on an interface of a namespace.
type port struct {
	t    testing.TB
	conn *packet.Conn
	mac  mac
}

// openPort opens a port for frames of a type, or for all. One for a type sees what comes in after every filter has had
// its say, and one for all before.
func openPort(t testing.TB, where *testbed.Namespace, name string, kind int) *port {
	t.Helper()
	p := &port{t: t}
	p.conn = testbed.Open(t, where, func() (*packet.Conn, error) {
		i, err := net.InterfaceByName(name)
		if err != nil {
			return nil, err
		}
		copy(p.mac[:], i.HardwareAddr)
		return packet.Listen(i, packet.Raw, kind, nil)
	})
	return p
}

func (p *port) send(frames ...[]byte) {
	p.t.Helper()
	for _, f := range frames {
		_, err := p.conn.WriteTo(f, &packet.Addr{HardwareAddr: f[:6]})
		if err != nil && !errors.Is(err, unix.ENOBUFS) { // which is how a gate's dropping it is told
			p.t.Fatalf("Sending %x: %v", f, err)
		}
	}
}

// collect reads frames up to the one that the condition holds for, and returns them all.
func (p *port) collect(what string, last func([]byte) bool) (frames [][]byte) {
	p.t.Helper()
	if err := p.conn.SetReadDeadline(time.Now().Add(testbed.Timeout)); err != nil {
		p.t.Fatal(err)
	}
	for {
		buffer := make([]byte, 2048)
		n, _, err := p.conn.ReadFrom(buffer)
		if err != nil {
			p.t.Fatalf("Waiting for %s: %v", what, err)
		}
		frames = append(frames, buffer[:n])
		if last(buffer[:n]) {
			return frames
		}
	}
}
