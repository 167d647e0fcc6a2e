package connectioncache

import (
	"fmt"
	"net/netip"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// Config is what the class needs to know of the pair.
type Config struct {
	// Sync narrows which connections are replicated.
	Sync contract.Sync
	// VirtualAddresses are those that the pair shares. Connections with one of them are replicated, those with any other
	// address of the unit itself are not.
	VirtualAddresses []netip.Addr
	// Addresses reads the addresses of the unit's interfaces; those of this network namespace when nil.
	Addresses func() ([]netip.Addr, error)
}

// ConnectionCache is the class on one unit, in the network namespace of the thread that made it.
type ConnectionCache struct {
	source *source
	sink   *sink
}

// New opens the kernel's table.
func New(config Config) (*ConnectionCache, error) {
	if config.Addresses == nil {
		config.Addresses = interfaceAddresses
	}
	filter := newFilter(config.Sync, config.VirtualAddresses, config.Addresses)
	if err := filter.refresh(); err != nil {
		return nil, err
	}
	table, err := conntrack.OpenTable()
	if err != nil {
		return nil, fmt.Errorf("opening the connection tracking table: %w", err)
	}
	return &ConnectionCache{
		source: &source{filter: filter, nursery: newNursery(config.Sync.MinimumAge())},
		sink:   &sink{filter: filter, table: table},
	}, nil
}

// Class is the class as the engine takes it.
func (c *ConnectionCache) Class() class.Class {
	return class.Class{ID: state.ConnectionCache, Source: c.source, Sink: c.sink, Codec: codec{}}
}

// Close gives the table back, when no engine uses it any more.
func (c *ConnectionCache) Close() error { return c.sink.table.Close() }
