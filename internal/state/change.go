package state

// Op is the operation of a change.
type Op uint8

// The operations of a change.
const (
	// Upsert creates the entry, or replaces it. Afterwards it is as the record describes.
	Upsert Op = 1
	// Delete removes the entry. Deleting an entry that does not exist is a success.
	Delete Op = 2
)

// Change is one operation on one entry of a class.
type Change struct {
	Class Class
	Op    Op
	// Key identifies the entry within its class. A later change of the same key supersedes an earlier one.
	Key string
	// Record is the entry in the encoding of its class. A Delete has none.
	Record []byte
}
