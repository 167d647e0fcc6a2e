package table

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// A record is: version u8, flags u8, life in milliseconds u32, stamp u64, value. Numbers are big-endian.
const (
	recordVersion = 1
	headerBytes   = 1 + 1 + 4 + 8
	// flagEnds marks an entry with a life. Without it, life and stamp are 0.
	flagEnds = 1
)

// record is an entry as the peer receives it.
type record struct {
	value []byte
	// ends reports whether the entry has a life. Life is what remains of it, 0 if it has passed.
	ends bool
	life time.Duration
	// stamp is a random number for each write of an entry with a life. It tells a renewed entry from an older one with
	// the same value, which a comparison cannot otherwise: what remains of a life is never the same twice. A counter
	// would not do, because the two units could count alike.
	stamp uint64
}

// append appends the encoded record. Without life, the result is what is equal on both units.
func (r record) append(b []byte, withLife bool) []byte {
	var flags byte
	var life uint32
	if r.ends {
		flags = flagEnds
		if withLife {
			life = uint32(min(max(r.life, 0), MaxLife) / time.Millisecond)
		}
	}
	b = append(b, recordVersion, flags)
	b = binary.BigEndian.AppendUint32(b, life)
	b = binary.BigEndian.AppendUint64(b, r.stamp)
	return append(b, r.value...)
}

// parseRecord decodes a record. The value shares its memory.
func parseRecord(b []byte) (record, error) {
	if len(b) < headerBytes {
		return record{}, fmt.Errorf("a record of %d bytes, the header alone has %d", len(b), headerBytes)
	}
	version, flags := b[0], b[1]
	life, stamp := binary.BigEndian.Uint32(b[2:]), binary.BigEndian.Uint64(b[6:])
	switch {
	case version != recordVersion:
		return record{}, fmt.Errorf("version %d of a record, this unit knows %d", version, recordVersion)
	case flags&^flagEnds != 0:
		return record{}, fmt.Errorf("unknown flags %#x", flags)
	case flags == 0 && (life != 0 || stamp != 0):
		return record{}, errors.New("an entry without end has a life or a stamp")
	}
	return record{
		value: b[headerBytes:], ends: flags&flagEnds != 0, life: time.Duration(life) * time.Millisecond, stamp: stamp,
	}, nil
}
