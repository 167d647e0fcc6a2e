package segment

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"testing"

	"github.com/hapair-io/hapair/internal/checksum"
)

// A segment with payload "hi" over IPv4, and one without payload over IPv6. Both have valid checksums.
const (
	hi4    = "4500002a00004000400666a10a0100020a0200020012022a00000001000000005010ffff000000006869"
	empty6 = "600000000014064020010db8000000000000000000000001" +
		"20010db8000000000000000000000002022a0012000000070000000050110100"
)

func bytesOf(t testing.TB, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// isIntact reports whether the checksums of a packet are right.
func isIntact(packet []byte) bool {
	s, err := Parse(packet)
	if err != nil {
		return false
	}
	tcp := packet[s.transport:]
	return (packet[0]>>4 == 6 || checksum.Of(packet[:s.transport]) == 0) &&
		checksum.OfTransport(s.Source.Addr(), s.Destination.Addr(), protocolTCP, tcp) == 0
}

func TestParse(t *testing.T) {
	s, err := Parse(append(bytesOf(t, hi4), 0, 0, 0)) // Short frames are padded.
	if err != nil {
		t.Fatal(err)
	}
	if s.Source != netip.MustParseAddrPort("10.1.0.2:18") || s.Destination != netip.MustParseAddrPort("10.2.0.2:554") ||
		s.Sequence != 1 || string(s.Payload) != "hi" || s.Begins || s.Ends {
		t.Errorf("parsed %+v", s)
	}
	s, err = Parse(append(bytesOf(t, empty6), 0, 0, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if s.Source != netip.MustParseAddrPort("[2001:db8::1]:554") || s.Sequence != 7 || !s.Ends || len(s.Payload) != 0 {
		t.Errorf("parsed %+v", s)
	}
}

func TestParseOther(t *testing.T) {
	change := func(at int, value byte) []byte {
		packet := bytesOf(t, hi4)
		packet[at] = value
		return packet
	}
	for name, packet := range map[string][]byte{
		"nothing":                nil,
		"another version":        change(0, 0x55),
		"UDP":                    change(9, 17),
		"a first fragment":       change(6, 0x20),
		"a later fragment":       change(7, 1),
		"a header without end":   change(0, 0x4f),
		"a length that lies":     change(2, 1),
		"a length below headers": change(3, 10),
		"a long TCP header":      change(32, 0xf0),
		"a short TCP header":     change(32, 0x10),
	} {
		if s, err := Parse(packet); !errors.Is(err, ErrNotTCP) {
			t.Errorf("%s: parsed %+v, %v", name, s, err)
		}
	}
}

func TestWithPayload(t *testing.T) {
	for _, text := range []string{hi4, empty6 + "00000000"} {
		for _, payload := range []string{"", "a", "ho", "longer than before"} {
			s, err := Parse(bytesOf(t, text))
			if err != nil {
				t.Fatal(err)
			}
			packet := s.WithPayload([]byte(payload))
			got, err := Parse(packet)
			if err != nil || string(got.Payload) != payload || got.Source != s.Source || !isIntact(packet) {
				t.Errorf("with payload %q: % x, %v", payload, packet, err)
			}
		}
		s, _ := Parse(bytesOf(t, text))
		if packet := s.WithPayload(make([]byte, 70000)); packet != nil {
			t.Error("made a packet that is longer than its length field can tell")
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(bytesOf(f, hi4))
	f.Add(append(bytesOf(f, empty6), 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, packet []byte) {
		s, err := Parse(packet)
		if err != nil {
			return
		}
		if longer := s.WithPayload(append(bytes.Clone(s.Payload), 1)); longer != nil && !isIntact(longer) {
			t.Errorf("a wrong checksum: % x", longer)
		}
	})
}
