package configuration

import (
	"fmt"
	"time"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/notify"
	"github.com/hapair-io/hapair/internal/state"
)

// Configuration is the class on one unit.
type Configuration struct {
	// table has the parts of the document: the enforced document on the active, the received one on the standby.
	table    *table.Table
	received notify.Signal
}

// New returns the class for a unit that has no document yet.
func New() *Configuration {
	c := &Configuration{received: notify.New()}
	c.table = table.New(table.Options{
		Class: state.Configuration, MaxValue: headerBytes + partBytes, Check: checkPart, Applied: c.received.Notify,
		Now: func() time.Duration { return 0 }, // No part ends.
	})
	return c
}

// checkPart returns an error for an entry that is no part of a document.
func checkPart(key string, value []byte) error {
	if _, err := parse(key, value); err != nil {
		return fmt.Errorf("reading a part of the firewall's document: %w", err)
	}
	return nil
}

// Factory returns the factory of the class. All classes that it makes share the document of c.
func (c *Configuration) Factory() class.Factory { return c.table.Factory() }

// Class returns what the engine replicates.
func (c *Configuration) Class() class.Class { return c.table.Class() }

// Publish sets the document that the active unit's firewall enforces. It only sends parts that differ from the present
// document. The caller must not change text afterwards. It fails only if the document is too large.
func (c *Configuration) Publish(text []byte) error {
	parts := split(text)
	b := table.Batch{Replace: true, Changes: make([]table.Change, len(parts))}
	for i, p := range parts {
		b.Changes[i].Entry = table.Entry{Key: p.key(), Value: p.record()}
	}
	if _, err := c.table.Update(b); err != nil {
		return fmt.Errorf("publishing the firewall's document of %d bytes: %w", len(text), err)
	}
	return nil
}

// Received returns a channel that has an item after the peer changed the document. The item is not repeated until it is
// taken.
func (c *Configuration) Received() <-chan struct{} { return c.received }

// Document returns the document that was received or published last. The result whole is false while parts are missing.
func (c *Configuration) Document() (text []byte, whole bool) {
	parts := map[int]part{}
	entries, _ := c.table.List("")
	for _, e := range entries {
		if p, err := parse(e.Key, e.Value); err == nil { // The table checks every part.
			parts[p.number] = p
		}
	}
	return join(parts)
}
