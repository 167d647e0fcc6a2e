package frame

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/checksum"
)

var mac = MAC{0x02, 0x00, 0x5e, 0x10, 0x20, 0x30}

// The golden frames are written field by field, as a packet analyser shows them.
func TestFrames(t *testing.T) {
	for name, test := range map[string]struct {
		got    []byte
		golden string
	}{
		"gratuitous ARP request": {
			GratuitousARP(Request, mac, netip.MustParseAddr("192.168.50.1")),
			`ffffffffffff 02005e102030 0806
			 0001 0800 06 04 0001
			 02005e102030 c0a83201
			 000000000000 c0a83201`,
		},
		"gratuitous ARP reply": {
			GratuitousARP(Reply, mac, netip.MustParseAddr("192.168.50.1")),
			`ffffffffffff 02005e102030 0806
			 0001 0800 06 04 0002
			 02005e102030 c0a83201
			 02005e102030 c0a83201`,
		},
		"unsolicited neighbour advertisement": {
			UnsolicitedAdvertisement(mac, netip.MustParseAddr("fd50::1")),
			`333300000001 02005e102030 86dd
			 60000000 0020 3a ff
			 fd500000000000000000000000000001
			 ff020000000000000000000000000001
			 88 00 5bbb a0000000
			 fd500000000000000000000000000001
			 02 01 02005e102030`,
		},
		"ARP probe": {
			ARPProbe(mac, netip.MustParseAddr("192.168.50.1")),
			`ffffffffffff 02005e102030 0806
			 0001 0800 06 04 0001
			 02005e102030 00000000
			 000000000000 c0a83201`,
		},
		"duplicate probe": {
			DuplicateProbe(mac, netip.MustParseAddr("fd50::b0:a1")),
			`3333ffb000a1 02005e102030 86dd
			 60000000 0018 3a ff
			 00000000000000000000000000000000
			 ff0200000000000000000001ffb000a1
			 87 00 7ab5 00000000
			 fd500000000000000000000000b000a1`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := strings.Join(strings.Fields(test.golden), "")
			if got := hex.EncodeToString(test.got); got != want {
				t.Errorf("\ngot  %s\nwant %s", got, want)
			}
		})
	}
}

// A receiver adds up everything with the checksum in it and must find all ones.
func TestChecksumVerifies(t *testing.T) {
	address := netip.MustParseAddr("2001:db8:113::1")
	for _, f := range [][]byte{UnsolicitedAdvertisement(mac, address), DuplicateProbe(mac, address)} {
		source, destination, body := netip.AddrFrom16([16]byte(f[22:38])), netip.AddrFrom16([16]byte(f[38:54])), f[54:]
		if sum := checksum.OfTransport(source, destination, nextHeaderICMPv6, body); sum != 0 {
			t.Errorf("the receiver's sum is %#x", sum)
		}
	}
}
