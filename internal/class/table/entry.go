package table

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// The bounds of a table.
const (
	// MaxKey and MaxValue are the largest sizes of a key and a value in bytes.
	MaxKey   = 256
	MaxValue = 8 << 10
	// MaxEntries is the largest number of entries.
	MaxEntries = 65_536
	// MaxBytes is the largest size of all keys and values, each with entryOverhead.
	MaxBytes = 64 << 20
	// MaxLife is the longest life, about 49 days. An entry may also have no end.
	MaxLife = math.MaxUint32 * time.Millisecond
	// Mercy is how long a new active keeps the entries whose life has passed before it was promoted.
	Mercy = 30 * time.Second
)

// entryOverhead is about what an entry needs besides its key and value.
const entryOverhead = 192

// Errors of a write that the table refuses.
var (
	// ErrInvalid: the entry breaks a rule of the class.
	ErrInvalid = errors.New("the entry is invalid")
	// ErrTooLarge: the key or the value is too large.
	ErrTooLarge = errors.New("the entry is too large")
	// ErrFull: the table would hold too many entries or bytes.
	ErrFull = errors.New("the table is full")
)

// Entry is one entry of a table.
type Entry struct {
	Key string
	// Value is not copied: nobody may change it.
	Value []byte
	// Life is how long the entry remains; 0 if it has no end. An entry that is still there has at least a millisecond.
	Life time.Duration
}

// Change is an entry that was put or deleted.
type Change struct {
	Entry
	// Revision counts the changes of the table on this unit. A later change has a larger one.
	Revision uint64
	// Deleted reports that the entry is gone. It then has only a key.
	Deleted bool
}

// check validates an entry against the bounds of every table and the rules of the class.
func (o Options) check(e Entry) error {
	switch {
	case e.Key == "":
		return fmt.Errorf("%w: it has no key", ErrInvalid)
	case len(e.Key) > MaxKey:
		return fmt.Errorf("%w: the key has %d bytes, at most %d are allowed", ErrTooLarge, len(e.Key), MaxKey)
	case len(e.Value) > o.MaxValue:
		return fmt.Errorf("%w: the value of %q has %d bytes, at most %d are allowed", ErrTooLarge, e.Key, len(e.Value),
			o.MaxValue)
	case e.Life < 0 || e.Life > MaxLife:
		return fmt.Errorf("%w: the life of %q is %s, it must be 0 to %s", ErrInvalid, e.Key, e.Life, MaxLife)
	}
	if o.Check == nil {
		return nil
	}
	if err := o.Check(e.Key, e.Value); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}
