package engine

import (
	"io"

	"github.com/hapair-io/hapair/internal/replication/wire"
)

// readFrame reads one frame. Its keys and records share one allocation, which nobody else writes.
func readFrame(r io.Reader) (wire.Frame, error) {
	var length [wire.LengthSize]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n, err := wire.Length(length)
	if err != nil {
		return nil, err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	return wire.Decode(b)
}
