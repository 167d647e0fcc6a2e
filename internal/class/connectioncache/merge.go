package connectioncache

import (
	"errors"
	"slices"

	"github.com/hapair-io/hapair/internal/class/encoding"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// codec merges the records of connections.
type codec struct{}

// Merge overlays a record with a newer one of the same entry. The result is fresh if one of the two is.
func (codec) Merge(older, newer []byte) ([]byte, error) {
	before, after := decoder{encoding.NewDecoder(older)}, decoder{encoding.NewDecoder(newer)}
	had, fresh, err := before.head()
	has, alsoFresh, errAfter := after.head()
	if err := errors.Join(err, errAfter); err != nil {
		return nil, err
	}
	if had&^has == 0 { // the usual case: an event has all fields that can change
		if fresh == alsoFresh {
			return newer, nil
		}
		merged := slices.Clone(newer)
		merged[0] |= flagFresh
		return merged, nil
	}
	var merged conntrack.Flow
	_, err = decodeRecord(&merged, older)
	_, errAfter = decodeRecord(&merged, newer)
	if err := errors.Join(err, errAfter); err != nil {
		return nil, err
	}
	return appendRecord(nil, &merged, fresh || alsoFresh), nil
}
