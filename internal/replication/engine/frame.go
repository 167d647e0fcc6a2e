package engine

import (
	"bufio"
	"io"
	"sync"

	"github.com/hapair-io/hapair/internal/replication/wire"
)

// work is a frame for the applier, with the memory that it is in.
type work struct {
	frame  wire.Frame
	memory *wire.Memory
}

// memories are those that no frame is in at the moment. The garbage collector takes what a flood leaves here.
var memories = sync.Pool{New: func() any { return &wire.Memory{} }}

// readFrame reads one frame into memory that holds no other one.
func readFrame(r *bufio.Reader, memory *wire.Memory) (wire.Frame, error) {
	length, err := r.Peek(wire.LengthSize)
	if err != nil {
		return nil, err
	}
	n, err := wire.Length([wire.LengthSize]byte(length))
	if err != nil {
		return nil, err
	}
	if _, err := r.Discard(wire.LengthSize); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(r, memory.Bytes(n)); err != nil {
		return nil, err
	}
	return memory.Decode()
}
