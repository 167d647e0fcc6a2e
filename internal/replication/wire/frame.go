package wire

import (
	"encoding/binary"
	"fmt"
)

// MaxFrame is the size of the largest frame, without its length field.
const MaxFrame = 1 << 20

// LengthSize is the size of the length field that precedes a frame.
const LengthSize = 4

// Append appends a frame with its length.
func Append(b []byte, f Frame) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, byte(f.Kind()))
	b = f.append(b)
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-LengthSize))
	return b
}

// Length decodes the length field that precedes a frame, and checks it before memory is allocated for the frame.
func Length(b [LengthSize]byte) (int, error) {
	n := binary.BigEndian.Uint32(b[:])
	if n == 0 || n > MaxFrame {
		return 0, fmt.Errorf("%w: a length of %d bytes, allowed are 1 to %d", ErrFrame, n, MaxFrame)
	}
	return int(n), nil
}
