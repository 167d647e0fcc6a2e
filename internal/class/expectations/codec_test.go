package expectations

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"testing"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

func tuple(protocol uint8, src, dst string) conntrack.Tuple {
	from, to := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	return conntrack.Tuple{
		Protocol: protocol, Src: from.Addr(), SrcPort: from.Port(), Dst: to.Addr(), DstPort: to.Port(),
	}
}

// example returns the expectation of a client in active mode, whose source is translated. The helper saves its port and
// no address.
func example() conntrack.Expectation {
	return conntrack.Expectation{
		Master: tuple(conntrack.ProtocolTCP, "192.168.50.10:40000", "203.0.113.9:21"),
		Tuple:  tuple(conntrack.ProtocolTCP, "203.0.113.9:0", "203.0.113.1:40001"),
		Mask:   conntrack.ExpectationMask{Src: host(false)}, TimeoutSeconds: 300, Helper: "ftp",
		NAT:      conntrack.ExpectationNAT{Direction: 1, Address: netip.IPv4Unspecified(), Port: 40001},
		Function: "nat-follow-master",
	}
}

// examples returns expectations of all kinds.
func examples() map[string]conntrack.Expectation {
	return map[string]conntrack.Expectation{
		"FTP with translation": example(),
		"FTP over IPv6": {
			Master: tuple(conntrack.ProtocolTCP, "[fd50::10]:40000", "[2001:db8:113::9]:21"),
			Tuple:  tuple(conntrack.ProtocolTCP, "[fd50::10]:0", "[2001:db8:113::9]:50000"),
			Mask:   conntrack.ExpectationMask{Src: host(true)}, TimeoutSeconds: 12, Helper: "ftp",
		},
		"a registration of SIP": {
			Master: tuple(conntrack.ProtocolUDP, "192.168.50.10:5060", "203.0.113.9:5060"),
			Tuple:  tuple(conntrack.ProtocolUDP, "0.0.0.0:0", "203.0.113.1:5061"),
			Mask:   conntrack.ExpectationMask{Src: netip.IPv4Unspecified()}, TimeoutSeconds: 3600, Helper: "sip",
			Flags: conntrack.ExpectationPermanent | conntrack.ExpectationInactive, Class: 1, Function: "sip",
		},
		"from one port": {
			Master: tuple(conntrack.ProtocolTCP, "192.168.50.10:40000", "203.0.113.9:1720"),
			Tuple:  tuple(conntrack.ProtocolTCP, "203.0.113.9:30000", "203.0.113.1:40001"),
			Mask:   conntrack.ExpectationMask{Src: host(false), SrcPort: 0xffff}, Helper: "Q.931",
		},
	}
}

func TestChangesDecodeEqual(t *testing.T) {
	c := codec{state.FTP}
	for name, want := range examples() {
		change := c.upsert(&want)
		got, err := decodeChange(&change)
		if err != nil || got != want || change.Class != state.FTP {
			t.Errorf("%s: got\n%+v, %v, want\n%+v", name, got, err, want)
		}
		change = c.remove(&want)
		if got, err := decodeChange(&change); err != nil || got.Tuple != want.Tuple || got.Master != want.Master {
			t.Errorf("%s, removed: got %+v, %v", name, got, err)
		}
	}
}

// TestFormatIsStable fails if keys or records differ from those of released units.
func TestFormatIsStable(t *testing.T) {
	e := example()
	for want, got := range map[string]string{
		"12" + "06c0a8320acb0071099c400015" + "06cb007109cb00710100009c41" + "0000": encodeKey(&e),
		"11" + "ac02" + "00" + "00" + "03667470" + "116e61742d666f6c6c6f772d6d6173746572" + "01000000009c41": string(
			encodeRecord(&e, e.TimeoutSeconds)),
	} {
		if got := hex.EncodeToString([]byte(got)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestMalformedKeysAndRecordsAreRefused(t *testing.T) {
	e := example()
	key, record := encodeKey(&e), string(encodeRecord(&e, e.TimeoutSeconds))
	for name, key := range map[string]string{
		"empty": "", "with another format": "\x22" + key[1:], "with an unknown flag": "\x16" + key[1:],
		"too short": key[:len(key)-1], "too long": key + "x",
	} {
		if got, err := decodeKey(key); !errors.Is(err, errKey) {
			t.Errorf("key %s: got %+v, %v", name, got, err)
		}
	}
	for name, record := range map[string]string{
		"empty": "", "with another format": "\x21" + record[1:], "with an unknown flag": "\x15" + record[1:],
		"too short": record[:len(record)-1], "too long": record + "x",
		"that lives for years":   "\x10\xff\xff\xff\x7f\x00\x00\x00\x00",
		"with too long a helper": "\x10\x01\x00\x00\x10aaaaaaaaaaaaaaaa\x00",
	} {
		if err := decodeRecord(&e, []byte(record)); !errors.Is(err, errRecord) {
			t.Errorf("record %s: got %+v, %v", name, e, err)
		}
	}
}

func FuzzDecodeChange(f *testing.F) {
	for _, e := range examples() {
		f.Add(encodeKey(&e), encodeRecord(&e, e.TimeoutSeconds))
	}
	f.Fuzz(func(t *testing.T, key string, record []byte) {
		change := state.Change{Op: state.Upsert, Key: key, Record: record}
		e, err := decodeChange(&change)
		if err != nil {
			if !errors.Is(err, errKey) && !errors.Is(err, errRecord) {
				t.Fatalf("got %v", err)
			}
			return
		}
		again := codec{}.upsert(&e)
		got, err := decodeChange(&again)
		if err != nil || got != e {
			t.Fatalf("got\n%+v, %v, want\n%+v", got, err, e)
		}
	})
}
