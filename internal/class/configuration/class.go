package configuration

import (
	"slices"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/state"
)

// Configuration is the class on one unit.
type Configuration struct{ table *table }

// New returns the class for a unit that has no document yet.
func New() *Configuration { return &Configuration{table: newTable()} }

// Factory returns the factory of the class. All classes that it makes share the document of c.
func (c *Configuration) Factory() class.Factory {
	return class.Factory{ID: state.Configuration, New: func(class.Options) (class.Class, error) { return c.Class(), nil }}
}

// Class returns what the engine replicates.
func (c *Configuration) Class() class.Class {
	return class.Class{ID: state.Configuration, Source: c.table, Sink: c.table, Codec: c.table}
}

// Publish sets the document that the active unit's firewall enforces. It only sends parts that differ from the present
// document. The caller must not change text afterwards.
func (c *Configuration) Publish(text []byte) {
	parts := split(text)
	for _, had := range c.table.sorted() {
		if had.number >= len(parts) {
			c.table.remove(had.number)
			continue
		}
		if wanted := parts[had.number]; had.whole == wanted.whole && slices.Equal(had.text, wanted.text) {
			parts[had.number].of = 0 // do not send it again
		}
	}
	for _, p := range parts {
		if p.of > 0 {
			c.table.put(p)
		}
	}
}

// Received returns a channel that has an item after the peer changed the document. The item is not repeated until it is
// taken.
func (c *Configuration) Received() <-chan struct{} { return c.table.received }

// Document returns the document that was received or published last. The result whole is false while parts are missing.
func (c *Configuration) Document() (text []byte, whole bool) {
	c.table.mu.Lock()
	defer c.table.mu.Unlock()
	return join(c.table.parts)
}
