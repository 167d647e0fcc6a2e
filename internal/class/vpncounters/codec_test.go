package vpncounters

import (
	"math"
	"net/netip"
	"testing"

	"github.com/hapair-io/hapair/internal/kernel/xfrm"
)

// examples returns counters of all kinds.
func examples() []xfrm.Counters {
	return []xfrm.Counters{
		{Seen: []uint32{0}, Legacy: true},
		{Sent: last32, Seen: []uint32{0}, Legacy: true},
		{Received: 70000, Seen: []uint32{0xf0f0f0f0}, Legacy: true},
		{Sent: 9<<32 | 8, Seen: make([]uint32, 4), Size: 128},
		{Received: math.MaxUint64, Seen: []uint32{1, 2, 3}, Size: 90},
		{Received: 5, Seen: make([]uint32, xfrm.MaxWords), Size: 32 * xfrm.MaxWords},
	}
}

func TestRecordsDecodeEqual(t *testing.T) {
	for _, want := range examples() {
		got, err := parse(encode(want))
		if err != nil || !got.Equal(want) {
			t.Errorf("got %+v and %v, want %+v", got, err, want)
		}
	}
}

func TestKeysDecodeEqual(t *testing.T) {
	for _, destination := range []string{"203.0.113.9", "2001:db8::9"} {
		want := xfrm.ID{Destination: netip.MustParseAddr(destination), SPI: 0xc0ffee01}
		got, err := parseKey(encodeKey(want))
		if err != nil || got != want {
			t.Errorf("got %s and %v, want %s", got, err, want)
		}
	}
}

// FuzzRecord checks that no record makes the decoder fail, and that what it accepts fits the kernel's structures.
func FuzzRecord(f *testing.F) {
	for _, c := range examples() {
		f.Add(encodeKey(xfrm.ID{Destination: netip.IPv4Unspecified(), SPI: 1}), encode(c))
	}
	f.Add("", []byte{})
	f.Fuzz(func(t *testing.T, key string, record []byte) {
		if id, err := parseKey(key); err == nil && encodeKey(id) != key {
			t.Errorf("the key %q became %q", key, encodeKey(id))
		}
		c, err := parse(record)
		if err != nil {
			return
		}
		again, err := parse(encode(c))
		if err != nil || !again.Equal(c) {
			t.Errorf("got %+v and %v, want %+v", again, err, c)
		}
		if len(c.Seen) > xfrm.MaxWords || c.Legacy && len(c.Seen) != 1 || int(c.Size) > 32*len(c.Seen) {
			t.Errorf("accepted %+v", c)
		}
	})
}
