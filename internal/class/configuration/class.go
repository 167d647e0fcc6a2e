package configuration

import (
	"slices"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/state"
)

// Configuration is the class on one unit.
type Configuration struct{ table *table }

// New makes the class of a unit that has no document yet.
func New() *Configuration { return &Configuration{table: newTable()} }

// Factory returns the factory of the class, whose state is c.
func (c *Configuration) Factory() class.Factory {
	return class.Factory{ID: state.Configuration, New: func(class.Options) (class.Class, error) { return c.Class(), nil }}
}

// Class returns what the engine replicates.
func (c *Configuration) Class() class.Class {
	return class.Class{ID: state.Configuration, Source: c.table, Sink: c.table, Codec: c.table}
}

// Publish says which document the active unit's firewall enforces. Only what differs from what was published or
// received before is sent. It is kept, and must not be changed.
func (c *Configuration) Publish(text []byte) {
	parts := split(text)
	for _, had := range c.table.sorted() {
		if had.number >= len(parts) {
			c.table.remove(had.number)
			continue
		}
		if wanted := parts[had.number]; had.whole == wanted.whole && slices.Equal(had.text, wanted.text) {
			parts[had.number].of = 0 // not to be sent again
		}
	}
	for _, p := range parts {
		if p.of > 0 {
			c.table.put(p)
		}
	}
}

// Received has an item when what was received may have changed since it was last taken.
func (c *Configuration) Received() <-chan struct{} { return c.table.received }

// Document is what was received, or published, last. There is none while it is not whole.
func (c *Configuration) Document() (text []byte, whole bool) {
	c.table.mu.Lock()
	defer c.table.mu.Unlock()
	return join(c.table.parts)
}
