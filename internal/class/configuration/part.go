package configuration

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

const (
	// partBytes is how much of the document a part holds. A throttle that lets little through still lets one pass.
	partBytes = 8 << 10
	// maxParts is what the largest document comes to.
	maxParts = (document.MaxBytes + partBytes - 1) / partBytes
	// headerBytes are before the text in a record: the digest, the part's number, and how many there are.
	headerBytes = sha256.Size + 2 + 2
)

// part is one part of a document.
type part struct {
	// whole is the SHA-256 of the whole document.
	whole [sha256.Size]byte
	// number is the part's place, from 0 on, and of how many parts there are.
	number, of int
	// text is partBytes long, and less in the last part.
	text []byte
}

// split makes parts of a document: at least one, since even an empty one is told of.
func split(text []byte) []part {
	whole := sha256.Sum256(text)
	of := max((len(text)+partBytes-1)/partBytes, 1)
	parts := make([]part, of)
	for i := range parts {
		parts[i] = part{whole: whole, number: i, of: of, text: text[i*partBytes : min((i+1)*partBytes, len(text))]}
	}
	return parts
}

// key names a part on both units.
func (p part) key() string { return keyOf(p.number) }

func keyOf(number int) string { return string(binary.BigEndian.AppendUint16(nil, uint16(number))) }

// record is the part as it goes over the wire.
func (p part) record() []byte {
	record := make([]byte, 0, headerBytes+len(p.text))
	record = append(record, p.whole[:]...)
	record = binary.BigEndian.AppendUint16(record, uint16(p.number))
	record = binary.BigEndian.AppendUint16(record, uint16(p.of))
	return append(record, p.text...)
}

// parse reads a record. The text is that of the record, and not copied.
func parse(key string, record []byte) (part, error) {
	if len(record) < headerBytes {
		return part{}, fmt.Errorf("%d bytes, and a part has at least %d", len(record), headerBytes)
	}
	p := part{whole: [sha256.Size]byte(record), text: record[headerBytes:]}
	p.number = int(binary.BigEndian.Uint16(record[sha256.Size:]))
	p.of = int(binary.BigEndian.Uint16(record[sha256.Size+2:]))
	last := p.number == p.of-1
	switch {
	case p.of < 1 || p.of > maxParts:
		return part{}, fmt.Errorf("a part of %d, allowed are 1 to %d", p.of, maxParts)
	case p.number >= p.of:
		return part{}, fmt.Errorf("part %d of %d", p.number, p.of)
	case key != p.key():
		return part{}, errors.New("a part under another's key")
	case len(p.text) > partBytes, !last && len(p.text) < partBytes:
		return part{}, fmt.Errorf("%d bytes in part %d of %d", len(p.text), p.number, p.of)
	default:
		return p, nil
	}
}

// join makes a document of its parts, by their numbers. It is whole or none: while parts of two documents are there, or
// one is missing, there is none.
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
