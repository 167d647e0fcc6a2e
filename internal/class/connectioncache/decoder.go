package connectioncache

import (
	"encoding/binary"
	"fmt"
	"math"
)

// decoder reads numbers from the front of a byte slice. Past its end it returns zeros, so that callers check for errors
// once, with end.
type decoder struct {
	rest    []byte
	missing int
}

// take returns the next n bytes, or n zeros if fewer are left.
func (d *decoder) take(n int) []byte {
	if n > len(d.rest) {
		d.missing += n - len(d.rest)
		d.rest = nil
		return make([]byte, n)
	}
	taken := d.rest[:n]
	d.rest = d.rest[n:]
	return taken
}

func (d *decoder) uint8() uint8   { return d.take(1)[0] }
func (d *decoder) uint16() uint16 { return binary.BigEndian.Uint16(d.take(2)) }
func (d *decoder) uint32() uint32 { return binary.BigEndian.Uint32(d.take(4)) }

// uvarint reads a number of variable length, see encoding/binary.
func (d *decoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 {
		d.missing++
		d.rest = nil
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

// uvarint32 reads a number of variable length. One that does not fit in 32 bits is an error.
func (d *decoder) uvarint32() uint32 {
	n := d.uvarint()
	if n > math.MaxUint32 {
		d.missing++
		return 0
	}
	return uint32(n)
}

// end returns an error unless exactly all bytes were read.
func (d *decoder) end() error {
	switch {
	case d.missing > 0:
		return fmt.Errorf("%d bytes too few", d.missing)
	case len(d.rest) > 0:
		return fmt.Errorf("%d bytes too many", len(d.rest))
	default:
		return nil
	}
}
