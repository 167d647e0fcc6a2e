package wire

import (
	"encoding/binary"
	"testing"

	"github.com/hapair-io/hapair/internal/state"
)

// fullDelta returns a frame of a busy active: 512 changes with keys and records of the size of an IPv4 TCP connection.
func fullDelta() *Delta {
	f := &Delta{Term: 7, Position: 9, Class: state.ConnectionCache}
	for i := range 512 {
		key := binary.BigEndian.AppendUint64(make([]byte, 6, 14), uint64(i))
		f.Changes = append(f.Changes, state.Change{
			Class: f.Class, Op: state.Upsert, Key: string(key), Record: make([]byte, 20),
		})
	}
	return f
}

// BenchmarkAppend encodes a frame of 512 changes.
func BenchmarkAppend(b *testing.B) {
	f := fullDelta()
	var frame []byte
	b.ReportAllocs()
	for b.Loop() {
		frame = Append(frame[:0], f)
	}
}

// BenchmarkDecode decodes a frame of 512 changes.
func BenchmarkDecode(b *testing.B) {
	frame := Append(nil, fullDelta())[LengthSize:]
	b.ReportAllocs()
	memory := &Memory{}
	for b.Loop() {
		copy(memory.Bytes(len(frame)), frame)
		if _, err := memory.Decode(); err != nil {
			b.Fatal(err)
		}
	}
}
