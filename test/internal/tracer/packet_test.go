package tracer

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseFrameReadsWhatBuildFrameWrote(t *testing.T) {
	for name, addresses := range map[string][2]string{
		"IPv4": {"192.168.50.10:4000", "203.0.113.9:7100"},
		"IPv6": {"[fd50::10]:4000", "[2001:db8:113::9]:7100"},
	} {
		t.Run(name, func(t *testing.T) {
			want := stamp{stream: 3, number: 1 << 40, sent: epoch}
			source, destination := netip.MustParseAddrPort(addresses[0]), netip.MustParseAddrPort(addresses[1])
			built, err := buildFrame(b, a, source, destination, want.append(nil))
			if err != nil {
				t.Fatal(err)
			}
			f, ok := parseFrame(built)
			if !ok || f.to != b || f.from != a || f.protocol != unix.IPPROTO_UDP || f.port != destination.Port() {
				t.Fatalf("read %+v, %t", f, ok)
			}
			got, ok := parseStamp(f.payload)
			if !ok || got.stream != want.stream || got.number != want.number || !got.sent.Equal(want.sent) {
				t.Errorf("stamp %+v, want %+v", got, want)
			}
			for n := range built {
				if f, ok := parseFrame(built[:n]); ok {
					if _, whole := parseStamp(f.payload); whole {
						t.Errorf("%d of %d bytes were accepted", n, len(built))
					}
				}
			}
		})
	}
}

// A header with a correct checksum sums up to zero (RFC 1071), and so does a datagram with its pseudo-header.
func TestChecksums(t *testing.T) {
	source, destination := netip.MustParseAddrPort("192.168.50.10:4000"), netip.MustParseAddrPort("203.0.113.9:7100")
	for _, payload := range [][]byte{nil, {1}, {1, 2}, bytes.Repeat([]byte{0xff}, 33)} {
		built, err := buildFrame(a, b, source, destination, payload)
		if err != nil {
			t.Fatal(err)
		}
		packet := built[ethernetSize:]
		if got := checksum(0, packet[:ipv4Size]); got != 0 {
			t.Errorf("the IPv4 checksum is wrong by %#x", got)
		}
		if got := int(binary.BigEndian.Uint16(packet[2:])); got != len(packet) {
			t.Errorf("the IPv4 length is %d of %d", got, len(packet))
		}
		datagram := packet[ipv4Size:]
		if got := checksum(pseudoHeader(source.Addr(), destination.Addr(), len(datagram)), datagram); got != 0 {
			t.Errorf("the UDP checksum is wrong by %#x", got)
		}
	}
}

func TestFamiliesAreNotMixed(t *testing.T) {
	_, err := buildFrame(a, b, netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("[2001:db8::1]:1"), nil)
	if err == nil {
		t.Error("a frame from IPv4 to IPv6 was built")
	}
}

func TestParseFrameRefusesOtherFrames(t *testing.T) {
	arp := append(append(append([]byte{}, a[:]...), b[:]...), 8, 6)
	icmp := append(append(append([]byte{}, a[:]...), b[:]...), 8, 0)
	icmp = append(icmp, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, unix.IPPROTO_ICMP, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2)
	icmp = append(icmp, 8, 0, 0, 0, 0, 0, 0, 0)
	for name, frame := range map[string][]byte{"nothing": nil, "ARP": append(arp, make([]byte, 46)...), "ICMP": icmp} {
		if f, ok := parseFrame(frame); ok {
			t.Errorf("%s was read as %+v", name, f)
		}
	}
}

func FuzzParseFrame(f *testing.F) {
	built, err := buildFrame(a, b, netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.2:2"),
		stamp{number: 1}.append(nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(built)
	f.Fuzz(func(t *testing.T, frame []byte) {
		if f, ok := parseFrame(frame); ok && len(frame) < ethernetSize+ipv4Size+udpSize {
			t.Errorf("%d bytes make %+v", len(frame), f)
		}
	})
}

func TestTransportHeaders(t *testing.T) {
	// build returns a frame with a protocol and the bytes that follow its IPv4 header.
	build := func(protocol byte, payload ...byte) []byte {
		frame := append(append(append([]byte{}, b[:]...), a[:]...), 8, 0)
		frame = append(frame, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2)
		return append(frame, payload...)
	}
	segment := []byte{0x1b, 0x58, 0x1b, 0x59, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0, 0, 0, 0, 0, 0}
	if f, ok := parseFrame(build(6, segment...)); !ok || f.from != a || f.source != 7000 || f.port != 7001 || f.reset {
		t.Errorf("a segment was read as %+v, %t", f, ok)
	}
	segment[13] = 0x14 // RST, ACK
	if f, ok := parseFrame(build(6, segment...)); !ok || !f.reset {
		t.Errorf("a reset was read as %+v, %t", f, ok)
	}
	datagram := []byte{0x1b, 0x58, 0x1b, 0x59, 0, 8, 0, 0}
	if f, ok := parseFrame(build(17, datagram...)); !ok || f.reset || f.source != 7000 {
		t.Errorf("a datagram was read as %+v, %t", f, ok)
	}
	fragment := build(17, datagram...)
	fragment[ethernetSize+7] = 1
	for name, frame := range map[string][]byte{
		"no ports": build(17, 1, 2, 3), "a short segment": build(6, segment[:13]...), "a later fragment": fragment,
	} {
		if f, ok := parseFrame(frame); ok {
			t.Errorf("%s was read as %+v", name, f)
		}
	}
}
