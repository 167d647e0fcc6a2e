package configuration

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

const (
	// partBytes is the size of a part. It is small, so that a part passes even a low throttle.
	partBytes = 8 << 10
	// maxParts is the number of parts of the largest document.
	maxParts = (document.MaxBytes + partBytes - 1) / partBytes
	// headerBytes is the size of the fields before the text: the digest, the part's number, and the count of parts.
	headerBytes = sha256.Size + 2 + 2
)

// part is one part of a document.
type part struct {
	// whole is the SHA-256 of the whole document.
	whole [sha256.Size]byte
	// number is the position of the part, starting at 0. of is the count of parts.
	number, of int
	// text has partBytes bytes, or fewer in the last part.
	text []byte
}

// split splits a document into parts. An empty document has one empty part, so that it is replicated too.
func split(text []byte) []part {
	whole := sha256.Sum256(text)
	of := max((len(text)+partBytes-1)/partBytes, 1)
	parts := make([]part, of)
	for i := range parts {
		parts[i] = part{whole: whole, number: i, of: of, text: text[i*partBytes : min((i+1)*partBytes, len(text))]}
	}
	return parts
}

// key returns the key of the part, which is the same on both units.
func (p part) key() string { return keyOf(p.number) }

func keyOf(number int) string { return string(binary.BigEndian.AppendUint16(nil, uint16(number))) }

// record returns the encoded part.
func (p part) record() []byte {
	record := make([]byte, 0, headerBytes+len(p.text))
	record = append(record, p.whole[:]...)
	record = binary.BigEndian.AppendUint16(record, uint16(p.number))
	record = binary.BigEndian.AppendUint16(record, uint16(p.of))
	return append(record, p.text...)
}

// parse decodes a record. The text of the part shares the memory of the record.
func parse(key string, record []byte) (part, error) {
	if len(record) < headerBytes {
		return part{}, fmt.Errorf("%d bytes, a part needs at least %d", len(record), headerBytes)
	}
	p := part{whole: [sha256.Size]byte(record), text: record[headerBytes:]}
	p.number = int(binary.BigEndian.Uint16(record[sha256.Size:]))
	p.of = int(binary.BigEndian.Uint16(record[sha256.Size+2:]))
	last := p.number == p.of-1
	switch {
	case p.of < 1 || p.of > maxParts:
		return part{}, fmt.Errorf("a document of %d parts, must be 1 to %d", p.of, maxParts)
	case p.number >= p.of:
		return part{}, fmt.Errorf("part %d of %d", p.number, p.of)
	case key != p.key():
		return part{}, errors.New("the key is that of another part")
	case len(p.text) > partBytes, !last && len(p.text) < partBytes:
		return part{}, fmt.Errorf("%d bytes in part %d of %d", len(p.text), p.number, p.of)
	default:
		return p, nil
	}
}

// join joins parts, by number, to a document. It returns false while a part is missing or there are parts of two
// documents.
func join(parts map[int]part) (text []byte, whole bool) {
	first, ok := parts[0]
	if !ok {
		return nil, false
	}
	for number := range first.of {
		p, ok := parts[number]
		if !ok || p.whole != first.whole || p.of != first.of {
			return nil, false
		}
		text = append(text, p.text...)
	}
	return text, sha256.Sum256(text) == first.whole
}
