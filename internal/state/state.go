// Package state is the vocabulary of replication: the catalogue of state classes, and the record of one change. It does
// no I/O; sources make changes, sinks take them, and the engine carries them without looking inside.
package state

import "fmt"

// Class is one kind of replicated state. Its number goes over the wire and never changes its meaning.
type Class uint8

// The classes that are implemented.
const (
	// ConnectionCache is connection tracking.
	ConnectionCache Class = 3
	// Configuration is the firewall's document in force. It is always replicated: no SyncPolicy names it.
	Configuration Class = 28
)

// String is the class's name, in logs and metrics, and in a SyncPolicy if one may name it.
func (c Class) String() string {
	switch c {
	case ConnectionCache:
		return "ConnectionCache"
	case Configuration:
		return "Configuration"
	default:
		return fmt.Sprintf("Class(%d)", uint8(c))
	}
}

// ParseClass finds a class by its name in a SyncPolicy.
func ParseClass(name string) (Class, error) {
	switch name {
	case ConnectionCache.String():
		return ConnectionCache, nil
	case Configuration.String():
		return 0, fmt.Errorf("class %s is always replicated and must not be named; leave it out", Configuration)
	default:
		return 0, fmt.Errorf("unknown class %q; known: %s", name, ConnectionCache)
	}
}

// Op is what happened to an entry.
type Op uint8

// The operations of a change.
const (
	// Upsert says that the entry exists and is as the record has it.
	Upsert Op = 1
	// Delete says that the entry is gone; deleting an absent entry is success.
	Delete Op = 2
)

// Change is one thing that happened to one entry.
type Change struct {
	Class Class
	Op    Op
	// Key identifies the entry within its class. Of two changes with one key the later makes the earlier needless.
	Key string
	// Record is the entry as the class's codec wrote it; empty for a Delete, which needs only the key.
	Record []byte
}
