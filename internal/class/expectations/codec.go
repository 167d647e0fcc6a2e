package expectations

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hapair-io/hapair/internal/class/encoding"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// A record holds an expectation without its key.
//
//	1 byte   format and flags, see below
//	         remaining seconds, flags and class, as numbers of variable length
//	         names of helper and function, each with its length
//	         translation, only with flagNAT: direction, address, port
const (
	recordFormat     = 1 << 4 // in the upper half of the first byte
	recordFormatMask = 0xf0
	flagNAT          = 1 << 0
	flagNATIPv6      = 1 << 1
)

// Bounds of what a record holds. The names are the longest that a kernel uses.
const (
	maxHelper   = 15
	maxFunction = 31
	// maxTimeout is longer than any policy of a helper.
	maxTimeout = 24 * 60 * 60
)

// errRecord reports bytes that are not a valid record.
var errRecord = errors.New("not an expectation's record")

// codec translates expectations of a class into changes and back.
type codec struct{ id state.Class }

// Merge returns the newer record, because each record has all of its entry.
func (codec) Merge(_, newer []byte) ([]byte, error) { return newer, nil }

// upsert returns the change that adds an expectation.
func (c codec) upsert(e *conntrack.Expectation) state.Change {
	return state.Change{Class: c.id, Op: state.Upsert, Key: encodeKey(e), Record: encodeRecord(e, e.TimeoutSeconds)}
}

// remove returns the change that removes an expectation.
func (c codec) remove(e *conntrack.Expectation) state.Change {
	return state.Change{Class: c.id, Op: state.Delete, Key: encodeKey(e)}
}

// encodeRecord returns an expectation's record with a remaining time.
func encodeRecord(e *conntrack.Expectation, seconds uint32) []byte {
	first := byte(recordFormat)
	if e.NAT.Address.IsValid() {
		first |= flagNAT
	}
	if e.NAT.Address.Is6() {
		first |= flagNATIPv6
	}
	b := binary.AppendUvarint([]byte{first}, uint64(min(seconds, maxTimeout)))
	b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(e.Flags)), uint64(e.Class))
	b = encoding.AppendText(encoding.AppendText(b, e.Helper), e.Function)
	if first&flagNAT != 0 {
		b = encoding.AppendAddress(append(b, byte(e.NAT.Direction)), e.NAT.Address)
		b = binary.BigEndian.AppendUint16(b, e.NAT.Port)
	}
	return b
}

// decodeRecord reads the fields of a record into an expectation.
func decodeRecord(e *conntrack.Expectation, record []byte) error {
	d := encoding.NewDecoder(record)
	first := d.Uint8()
	if first&recordFormatMask != recordFormat || first&^recordFormatMask&^(flagNAT|flagNATIPv6) != 0 {
		return fmt.Errorf("%w: first byte %#x", errRecord, first)
	}
	e.TimeoutSeconds, e.Flags, e.Class = d.Uvarint32(), conntrack.ExpectationFlags(d.Uvarint32()), d.Uvarint32()
	var hasHelper, hasFunction bool
	e.Helper, hasHelper = d.Text(maxHelper)
	e.Function, hasFunction = d.Text(maxFunction)
	if !hasHelper || !hasFunction {
		return fmt.Errorf("%w: a name is too long", errRecord)
	}
	if first&flagNAT != 0 {
		e.NAT.Direction, e.NAT.Address = uint32(d.Uint8()), d.Address(first&flagNATIPv6 != 0)
		e.NAT.Port = d.Uint16()
	}
	if err := d.End(); err != nil {
		return fmt.Errorf("%w: %w", errRecord, err)
	}
	if e.TimeoutSeconds > maxTimeout {
		return fmt.Errorf("%w: it lives for %d s, at most %d are possible", errRecord, e.TimeoutSeconds, maxTimeout)
	}
	return nil
}

// decodeChange returns the expectation of a change.
func decodeChange(c *state.Change) (conntrack.Expectation, error) {
	e, err := decodeKey(c.Key)
	if err == nil && c.Op == state.Upsert {
		err = decodeRecord(&e, c.Record)
	}
	return e, err
}

// expiring is the remaining time in seconds from which an expectation may have expired on one unit only.
const expiring = 2

// visitExpectation visits one expectation. The comparable fields are all but the remaining time.
func visitExpectation(e *conntrack.Expectation, visit func(key string, fields []byte) error) error {
	if e.TimeoutSeconds <= expiring {
		return visit(encodeKey(e), nil)
	}
	return visit(encodeKey(e), encodeRecord(e, 0))
}
