package table

import (
	"bytes"
	"testing"
	"time"
)

func FuzzParseRecord(f *testing.F) {
	f.Add(record{value: []byte("value")}.append(nil, true))
	f.Add(record{value: []byte("value"), ends: true, life: time.Hour, stamp: 7}.append(nil, true))
	f.Add(record{ends: true, life: -time.Hour}.append(nil, true))
	f.Add([]byte{})
	f.Add(make([]byte, headerBytes))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRecord(b)
		if err != nil {
			return
		}
		if got := r.append(nil, true); !bytes.Equal(got, b) {
			t.Errorf("%x became %x", b, got)
		}
		if r.life < 0 || r.life > MaxLife {
			t.Errorf("a life of %s", r.life)
		}
	})
}
