package peer

import (
	"bufio"
	"io"
	"sync"

	"github.com/hapair-io/hapair/internal/replication/wire"
)

// bufferSize is the size of the buffers on both sides of a connection, in bytes.
const bufferSize = 64 << 10

// Received is a frame from the peer, with the memory that it refers to.
type Received struct {
	Frame  wire.Frame
	memory *wire.Memory
}

// memories holds memory that no frame uses. The garbage collector takes what a burst of frames leaves here.
var memories = sync.Pool{New: func() any { return &wire.Memory{} }}

// newMemory returns memory that no frame uses.
func newMemory() *wire.Memory { return memories.Get().(*wire.Memory) }

// Release returns the memory of the frame for reuse. The frame is invalid afterwards.
func (r Received) Release() { memories.Put(r.memory) }

// readFrame reads one frame into memory, which must not hold another one.
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
