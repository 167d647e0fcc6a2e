package vpncounters

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/hapair-io/hapair/internal/class/encoding"
	"github.com/hapair-io/hapair/internal/kernel/xfrm"
)

const spiBytes = 4

// encodeKey returns the SPI and the destination of an SA.
func encodeKey(id xfrm.ID) string {
	return string(encoding.AppendAddress(binary.BigEndian.AppendUint32(nil, id.SPI), id.Destination))
}

func parseKey(key string) (xfrm.ID, error) {
	if len(key) != spiBytes+net4 && len(key) != spiBytes+net16 {
		return xfrm.ID{}, fmt.Errorf("a key of %d bytes, must have an SPI and an address", len(key))
	}
	destination, _ := netip.AddrFromSlice([]byte(key[spiBytes:]))
	return xfrm.ID{Destination: destination, SPI: binary.BigEndian.Uint32([]byte(key))}, nil
}

// Lengths of addresses.
const (
	net4  = 4
	net16 = 16
)

// The form of a record.
const (
	legacy uint8 = iota
	windowed
)

// encode returns the form, the numbers, the size of the replay window, and its words.
func encode(c xfrm.Counters) []byte {
	form := windowed
	if c.Legacy {
		form = legacy
	}
	b := binary.AppendUvarint(binary.AppendUvarint([]byte{form}, c.Sent), c.Received)
	b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(c.Size)), uint64(len(c.Seen)))
	for _, word := range c.Seen {
		b = binary.BigEndian.AppendUint32(b, word)
	}
	return b
}

func parse(record []byte) (xfrm.Counters, error) {
	d := encoding.NewDecoder(record)
	form := d.Uint8()
	c := xfrm.Counters{Sent: d.Uvarint(), Received: d.Uvarint(), Size: d.Uvarint32(), Legacy: form == legacy}
	words := d.Uvarint32()
	switch {
	case form > windowed:
		return xfrm.Counters{}, fmt.Errorf("unknown form %d", form)
	case words > xfrm.MaxWords:
		return xfrm.Counters{}, fmt.Errorf("a replay window of %d words, at most %d are possible", words, xfrm.MaxWords)
	case c.Legacy && (words != 1 || c.Size != 0 || max(c.Sent, c.Received) > last32):
		return xfrm.Counters{}, errors.New("a replay window of another form, or a number that is too large")
	case c.Size > 32*words:
		return xfrm.Counters{}, fmt.Errorf("a replay window of %d bits in %d words", c.Size, words)
	}
	c.Seen = make([]uint32, words)
	for i := range c.Seen {
		c.Seen[i] = d.Uint32()
	}
	return c, d.End()
}

// codec merges records. A record always has all numbers of an SA.
type codec struct{}

// Merge returns the newer record.
func (codec) Merge(_, newer []byte) ([]byte, error) { return newer, nil }
