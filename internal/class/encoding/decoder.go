package encoding

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
)

// Decoder reads from the front of a byte slice. Past its end it returns zeros, so that callers check for errors once,
// with End.
type Decoder struct {
	rest    []byte
	missing int
}

// NewDecoder returns a decoder of b, which it does not copy.
func NewDecoder(b []byte) Decoder { return Decoder{rest: b} }

// Take returns the next n bytes, or n zeros if fewer are left.
func (d *Decoder) Take(n int) []byte {
	if n > len(d.rest) {
		d.missing += n - len(d.rest)
		d.rest = nil
		return make([]byte, n)
	}
	taken := d.rest[:n]
	d.rest = d.rest[n:]
	return taken
}

// Uint8 reads a number of one byte.
func (d *Decoder) Uint8() uint8 { return d.Take(1)[0] }

// Uint16 reads a number of two bytes, the most significant first.
func (d *Decoder) Uint16() uint16 { return binary.BigEndian.Uint16(d.Take(2)) }

// Uint32 reads a number of four bytes, the most significant first.
func (d *Decoder) Uint32() uint32 { return binary.BigEndian.Uint32(d.Take(4)) }

// Uvarint reads a number of variable length, see encoding/binary.
func (d *Decoder) Uvarint() uint64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 {
		d.missing++
		d.rest = nil
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

// Uvarint32 reads a number of variable length. One that does not fit in 32 bits is an error.
func (d *Decoder) Uvarint32() uint32 {
	n := d.Uvarint()
	if n > math.MaxUint32 {
		d.missing++
		return 0
	}
	return uint32(n)
}

// Address reads an address of a family.
func (d *Decoder) Address(ipv6 bool) netip.Addr {
	if ipv6 {
		return netip.AddrFrom16([16]byte(d.Take(16)))
	}
	return netip.AddrFrom4([4]byte(d.Take(4)))
}

// AppendAddress appends an address. Its family must be known when it is read.
func AppendAddress(b []byte, a netip.Addr) []byte {
	if a.Is4() {
		address := a.As4()
		return append(b, address[:]...)
	}
	address := a.As16()
	return append(b, address[:]...)
}

// Text reads a text of up to most bytes. It returns false for a longer one.
func (d *Decoder) Text(most int) (string, bool) {
	n := int(d.Uint8())
	if n > most {
		return "", false
	}
	return string(d.Take(n)), true
}

// AppendText appends a text of up to 255 bytes.
func AppendText(b []byte, text string) []byte { return append(append(b, byte(len(text))), text...) }

// End returns an error unless exactly all bytes were read.
func (d *Decoder) End() error {
	switch {
	case d.missing > 0:
		return fmt.Errorf("%d bytes too few", d.missing)
	case len(d.rest) > 0:
		return fmt.Errorf("%d bytes too many", len(d.rest))
	default:
		return nil
	}
}
