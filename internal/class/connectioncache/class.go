package connectioncache

import (
	"fmt"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/connectioncache/options"
	"github.com/hapair-io/hapair/internal/class/own"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// Config configures the class on one unit.
type Config struct {
	// Options narrow which connections are replicated.
	Options options.Options
	// Own are the addresses whose connections are not replicated. If nil, they are those of the interfaces in this
	// network namespace.
	Own *own.Addresses
	// Replicated are the other classes that the pair replicates. Connections of a class that it does not replicate are
	// left out.
	Replicated []state.Class
}

// ConnectionCache is the class on one unit, in the network namespace of the thread that made it.
type ConnectionCache struct {
	source *source
	sink   *sink
}

// Factory returns the factory of the class.
func Factory() class.Factory {
	return class.Factory{ID: state.ConnectionCache, New: func(o class.Options) (class.Class, error) {
		parsed, err := options.Parse(o.Document)
		if err != nil {
			return class.Class{}, fmt.Errorf("parsing options: %w", err)
		}
		c, err := New(Config{Options: parsed, Own: o.Own, Replicated: o.Replicated})
		if err != nil {
			return class.Class{}, err
		}
		return c.Class(), nil
	}}
}

// New opens the kernel's connection tracking table.
func New(config Config) (*ConnectionCache, error) {
	if config.Own == nil {
		config.Own = own.New(own.Config{Read: own.OfInterfaces})
	}
	filter := newFilter(config.Options, config.Own)
	filter.parts = partsWithout(config.Replicated)
	if err := filter.refresh(); err != nil {
		return nil, err
	}
	// A kernel without nftables keeps no labels, and has no rules that need them.
	_ = keepLabels()
	table, err := conntrack.OpenTable()
	if err != nil {
		return nil, fmt.Errorf("opening the connection tracking table: %w", err)
	}
	return &ConnectionCache{
		source: &source{filter: filter, ages: newAgeFilter(config.Options.MinimumAge()), leftOut: newLeftOut()},
		sink:   &sink{filter: filter, table: table},
	}, nil
}

// Class returns what the engine replicates.
func (c *ConnectionCache) Class() class.Class {
	return class.Class{ID: state.ConnectionCache, Source: c.source, Sink: c.sink, Codec: codec{}, Close: c.Close}
}

// Close closes the table. No engine may use the class any more.
func (c *ConnectionCache) Close() error { return c.sink.table.Close() }
