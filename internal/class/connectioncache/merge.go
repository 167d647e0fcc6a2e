package connectioncache

import (
	"errors"
	"slices"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// codec knows how two records become one.
type codec struct{}

// Merge overlays a record with a newer one of the same entry. An entry that was new to the other unit before still is.
func (codec) Merge(older, newer []byte) ([]byte, error) {
	before, after := decoder{rest: older}, decoder{rest: newer}
	had, fresh, err := before.head()
	has, alsoFresh, errAfter := after.head()
	if err := errors.Join(err, errAfter); err != nil {
		return nil, err
	}
	if had&^has == 0 { // as a rule: an event tells all of what may have changed
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
