package elements

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/nftables"
)

// Bounds of what the kernel accepts: NFT_SET_MAXNAMELEN and NFT_DATA_VALUE_MAXLEN of linux/netfilter/nf_tables.h.
const (
	maxSetName   = 255
	maxDataBytes = 64
)

// maxMilliseconds bounds times, so that they fit a time.Duration.
const maxMilliseconds = math.MaxInt64 / uint64(time.Millisecond)

// A key is the length and name of the set, and the key of the element. A record is the timeout and the time that is
// left, both in milliseconds, and the value of a map. Both times are 0 for an element that stays until it is removed.

// encodeKey returns the key of an element.
func encodeKey(set string, key []byte) string {
	encoded := make([]byte, 0, 1+len(set)+len(key))
	encoded = append(encoded, byte(len(set)))
	encoded = append(encoded, set...)
	return string(append(encoded, key...))
}

// decodeKey returns the set and the key of an element in it.
func decodeKey(encoded string) (set string, key []byte, err error) {
	if len(encoded) == 0 || len(encoded) < 1+int(encoded[0]) {
		return "", nil, errors.New("the key of an element ends in the name of its set")
	}
	end := 1 + int(encoded[0])
	set, key = encoded[1:end], []byte(encoded[end:])
	if set == "" || len(key) == 0 || len(key) > maxDataBytes {
		return "", nil, fmt.Errorf("an element of set %q has a key of %d bytes, must be 1 to %d", set, len(key), maxDataBytes)
	}
	return set, key, nil
}

// encodeRecord returns the record of an element.
func encodeRecord(e nftables.Element) []byte {
	record := make([]byte, 0, 2*binary.MaxVarintLen32+len(e.Value))
	record = binary.AppendUvarint(record, uint64(e.Timeout.Milliseconds()))                   //nolint:gosec // Positive.
	record = binary.AppendUvarint(record, uint64(min(e.Remaining, e.Timeout).Milliseconds())) //nolint:gosec // Positive.
	return append(record, e.Value...)
}

// decodeRecord fills in the value and the times of an element.
func decodeRecord(e *nftables.Element, record []byte) error {
	var times [2]time.Duration
	for i := range times {
		n, size := binary.Uvarint(record)
		if size <= 0 || n > maxMilliseconds {
			return errors.New("the record of an element has no valid times")
		}
		times[i], record = time.Duration(n)*time.Millisecond, record[size:] //nolint:gosec // It is bounded.
	}
	if times[1] > times[0] || len(record) > maxDataBytes {
		return fmt.Errorf("the record of an element has %v left of %v and a value of %d bytes",
			times[1], times[0], len(record))
	}
	e.Timeout, e.Remaining, e.Value = times[0], times[1], append([]byte(nil), record...)
	return nil
}

// appendComparable appends the fields of an element that are equal on both units. A kernel rounds times to its clock.
func appendComparable(fields []byte, e nftables.Element) []byte {
	seconds := uint64(e.Timeout.Round(time.Second) / time.Second) //nolint:gosec // It is positive.
	return append(binary.AppendUvarint(fields, seconds), e.Value...)
}

// codec merges the records of elements.
type codec struct{}

// Merge returns the newer record, since a record has everything.
func (codec) Merge(_, newer []byte) ([]byte, error) { return newer, nil }
