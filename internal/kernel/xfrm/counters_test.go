package xfrm

import (
	"bytes"
	"net/netip"
	"testing"
)

// examples returns SAs of all kinds.
func examples() []SA {
	return []SA{
		{
			ID:       ID{netip.MustParseAddr("203.0.113.9"), 0xc1d2e3f4},
			Counters: Counters{Sent: 100043, Seen: []uint32{0}, Legacy: true},
		},
		{
			ID:       ID{netip.MustParseAddr("203.0.113.1"), 256},
			Counters: Counters{Received: 1<<32 - 1, Seen: []uint32{1<<32 - 1}, Legacy: true},
		},
		{
			ID:       ID{netip.MustParseAddr("2001:db8::9"), 0x200},
			Counters: Counters{Sent: 5<<32 | 7, Seen: make([]uint32, 4), Size: 128},
		},
		{
			ID:       ID{netip.MustParseAddr("2001:db8::1"), 0x201},
			Counters: Counters{Received: 1<<63 | 9, Seen: []uint32{1, 2, 1 << 31}, Size: 65},
		},
		{
			ID:       ID{netip.MustParseAddr("192.0.2.1"), 0x300},
			Counters: Counters{Received: 1, Seen: make([]uint32, MaxWords), Size: 32 * MaxWords},
		},
	}
}

func TestCountersDecodeEqual(t *testing.T) {
	for _, want := range examples() {
		got, err := decodeEvent(encodeCounters(want.ID, want.Counters))
		if err != nil || got.ID != want.ID || !got.Counters.Equal(want.Counters) {
			t.Errorf("%s: got %+v and %v, want %+v", want.ID, got, err, want)
		}
	}
}

func TestShortMessagesAreRefused(t *testing.T) {
	whole := encodeCounters(examples()[3].ID, examples()[3].Counters)
	for length := range whole {
		if _, err := decodeEvent(whole[:length]); err == nil {
			t.Errorf("%d of %d bytes were accepted", length, len(whole))
		}
	}
}

// A list of the kernel has SAs that reserve an SPI, and the one that Try adds.
func TestListHasOnlySAsInUse(t *testing.T) {
	for name, c := range map[string]struct {
		change func(b []byte) []byte
		want   bool
	}{
		"with AES-GCM": {func(b []byte) []byte { return append(b, 4, 0, attributeAEAD, 0) }, true},
		"with AES-CBC": {func(b []byte) []byte { return append(b, 4, 0, attributeCrypt, 0) }, true},
		"without keys": {func(b []byte) []byte { return b }, false},
		"of AH": {func(b []byte) []byte {
			b[idInInfo+protocolInTop] = 51
			return append(b, 4, 0, attributeAEAD, 0)
		}, false},
		"with the SPI of a trial": {func(b []byte) []byte {
			copy(b[idInInfo+spiInID:], []byte{0, 0, 0, trialSPI})
			return append(b, 4, 0, attributeAEAD, 0)
		}, false},
	} {
		want := examples()[0]
		sa, isUsed, err := decodeInfo(c.change(info(want)))
		isEqual := sa.ID == want.ID && sa.Extended && sa.Counters.Equal(want.Counters)
		if err != nil || isUsed != c.want || isUsed && !isEqual {
			t.Errorf("%s: got %+v, %t and %v, want %t", name, sa, isUsed, err, c.want)
		}
	}
}

// info returns struct xfrm_usersa_info of an SA with ESN, and its counters.
func info(sa SA) []byte {
	event := encodeCounters(sa.ID, sa.Counters)
	b := make([]byte, infoBytes)
	copy(b[idInInfo:], event[:familyInID])
	b[idInInfo+protocolInTop] = event[protocolInID]
	copy(b[familyInInfo:], event[familyInID:familyInID+2])
	b[flagsInInfo] = flagESN
	return append(b, event[eventBytes:]...)
}

// FuzzDecode checks that no message makes the decoders read beyond its end, and that what they accept is encoded to
// the same counters.
func FuzzDecode(f *testing.F) {
	for _, sa := range examples() {
		f.Add(encodeCounters(sa.ID, sa.Counters))
		f.Add(info(sa))
	}
	f.Add(bytes.Repeat([]byte{0xff}, infoBytes+esnBytes))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, isUsed, err := decodeInfo(b); isUsed && err != nil {
			t.Errorf("a refused SA is used: %v", err)
		}
		sa, err := decodeEvent(b)
		if err != nil {
			return
		}
		again, err := decodeEvent(encodeCounters(sa.ID, sa.Counters))
		if err != nil || again.ID != sa.ID || !again.Counters.Equal(sa.Counters) {
			t.Errorf("got %+v and %v, want %+v", again, err, sa)
		}
	})
}
