package elements

import (
	"bytes"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/nftables"
)

func TestKeysAndRecordsAreReadAsTheyAreWritten(t *testing.T) {
	for _, e := range []nftables.Element{
		{Key: []byte{1}},
		{Key: bytes.Repeat([]byte{7}, maxDataBytes), Value: bytes.Repeat([]byte{8}, maxDataBytes)},
		{Key: []byte{192, 0, 2, 1}, Timeout: time.Minute, Remaining: 20 * time.Second},
	} {
		set, key, err := decodeKey(encodeKey("dynamic.a.ipv4", e.Key))
		if err != nil || set != "dynamic.a.ipv4" || !bytes.Equal(key, e.Key) {
			t.Errorf("%x is read as %x of %q, %v", e.Key, key, set, err)
		}
		var got nftables.Element
		if err := decodeRecord(&got, encodeRecord(e)); err != nil || got.Timeout != e.Timeout ||
			got.Remaining != e.Remaining || !bytes.Equal(got.Value, e.Value) {
			t.Errorf("%+v is read as %+v, %v", e, got, err)
		}
	}
}

func TestMalformedKeysAndRecordsAreRefused(t *testing.T) {
	for _, key := range []string{"", "\x00", "\x00k", "\x01s", "\x05set", "!", "\x01s" + string(make([]byte, 65))} {
		if set, k, err := decodeKey(key); err == nil {
			t.Errorf("key %q is %x of %q", key, k, set)
		}
	}
	for _, record := range [][]byte{
		nil, {1}, {1, 2}, {0x80}, append(bytes.Repeat([]byte{0xff}, 9), 1, 0), make([]byte, 2+maxDataBytes+1),
	} {
		var e nftables.Element
		if err := decodeRecord(&e, record); err == nil {
			t.Errorf("record %x is %+v", record, e)
		}
	}
}

// What is accepted is written in the same way again.
func FuzzCodec(f *testing.F) {
	f.Add(encodeKey("dynamic.a.ipv4", []byte{1, 2, 3, 4}),
		encodeRecord(nftables.Element{Timeout: time.Hour, Remaining: time.Minute}))
	f.Add("\x03abc", []byte{1})
	f.Fuzz(func(t *testing.T, key string, record []byte) {
		if set, k, err := decodeKey(key); err == nil && encodeKey(set, k) != key {
			t.Errorf("key %q is written as %q", key, encodeKey(set, k))
		}
		var e, again nftables.Element
		if decodeRecord(&e, record) != nil {
			return
		}
		if err := decodeRecord(&again, encodeRecord(e)); err != nil || again.Timeout != e.Timeout ||
			again.Remaining != e.Remaining || !bytes.Equal(again.Value, e.Value) {
			t.Errorf("%+v is read again as %+v, %v", e, again, err)
		}
	})
}
