package packetlog

import (
	"net/netip"
	"testing"
)

func TestDecodePacket(t *testing.T) {
	tcp4 := []byte{
		0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, tcp, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
		0x30, 0x39, 0, 80, 0, 0, 0, 0,
	}
	ping6 := append([]byte{0x60, 0, 0, 0, 0, 8, icmpv6, 64}, make([]byte, 32)...)
	ping6[23], ping6[39] = 1, 2
	ping6 = append(ping6, 128, 0, 0, 0)
	cases := map[string]struct {
		data []byte
		want Packet
	}{
		"TCP over IPv4": {tcp4, Packet{
			Protocol: tcp, Source: netip.MustParseAddrPort("192.0.2.1:12345"),
			Destination: netip.MustParseAddrPort("192.0.2.2:80"),
		}},
		"TCP, truncated": {tcp4[:21], Packet{
			Protocol: tcp, Source: netip.MustParseAddrPort("192.0.2.1:0"),
			Destination: netip.MustParseAddrPort("192.0.2.2:0"),
		}},
		"ping over IPv6": {ping6, Packet{
			Protocol: icmpv6, Source: netip.MustParseAddrPort("[::1]:0"), Destination: netip.MustParseAddrPort("[::2]:0"),
			Type: 128,
		}},
		"no data":            {nil, Packet{}},
		"a wrong IP version": {[]byte{0x15}, Packet{}},
	}
	for name, c := range cases {
		if got := decodePacket(c.data); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{2, 0, 0, 0, 8, 0, attributePrefix, 0, 'a', 0, 0, 0})
	f.Add([]byte{2, 0, 0, 0, 8, 0, attributePayload, 0, 0x4f, 0, 0, 0})
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = decode(data)
		_ = decodePacket(data)
	})
}
