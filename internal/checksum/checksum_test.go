package checksum_test

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/hapair-io/hapair/internal/checksum"
)

func TestOf(t *testing.T) {
	for name, test := range map[string]struct {
		bytes []byte
		want  uint16
	}{
		"nothing":                {nil, 0xffff},
		"RFC 1071, section 3":    {[]byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}, 0x220d},
		"an odd length":          {[]byte{0x00, 0x01, 0xf2}, 0x0dfe},
		"an ICMP echo request":   {[]byte{8, 0, 0, 0, 0x12, 0x34, 0x00, 0x01}, 0xe5ca},
		"that with its checksum": {[]byte{8, 0, 0xe5, 0xca, 0x12, 0x34, 0x00, 0x01}, 0},
		"carries":                {[]byte{0xff, 0xff, 0xff, 0xff, 0x00, 0x01}, 0xfffe},
	} {
		if got := checksum.Of(test.bytes); got != test.want {
			t.Errorf("%s: %#04x, want %#04x", name, got, test.want)
		}
	}
}

// A receiver computes the checksum over the datagram with its checksum, and gets zero.
func TestOfTransport(t *testing.T) {
	const udp = 17
	datagram := []byte{0x30, 0x39, 0x00, 0x35, 0x00, 0x0b, 0, 0, 'a', 'b', 'c'}
	for _, test := range []struct{ source, destination string }{
		{"192.0.2.1", "198.51.100.2"},
		{"2001:db8::1", "2001:db8::2"},
	} {
		source, destination := netip.MustParseAddr(test.source), netip.MustParseAddr(test.destination)
		sum := checksum.OfTransport(source, destination, udp, datagram)
		complete := append([]byte(nil), datagram...)
		binary.BigEndian.PutUint16(complete[6:], sum)
		if rest := checksum.OfTransport(source, destination, udp, complete); rest != 0 {
			t.Errorf("%s: %#04x over a datagram with its checksum, want 0", test.source, rest)
		}
		if other := checksum.OfTransport(destination.Next(), source, udp, complete); other == 0 {
			t.Errorf("%s: the addresses are not covered", test.source)
		}
		if other := checksum.OfTransport(source, destination, udp+1, complete); other == 0 {
			t.Errorf("%s: the protocol is not covered", test.source)
		}
	}
	pseudo := []byte{192, 0, 2, 1, 198, 51, 100, 2, 0, udp, 0, byte(len(datagram))}
	want := checksum.Of(append(pseudo, datagram...))
	got := checksum.OfTransport(netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.2"), udp, datagram)
	if got != want {
		t.Errorf("%#04x, want %#04x, as over the pseudo-header", got, want)
	}
}
