package class

import (
	"encoding/json"

	"github.com/hapair-io/hapair/internal/class/own"
	"github.com/hapair-io/hapair/internal/state"
)

// Factory makes a class. Each class package has one function that returns it, and package all lists them.
type Factory struct {
	// ID is the class that New makes.
	ID state.Class
	// New makes the class on this unit, in the network namespace of the calling thread. The weight is set by the caller.
	New func(Options) (Class, error)
}

// Options are what a unit's settings state for one class.
type Options struct {
	// Own are the addresses whose connections are not replicated.
	Own *own.Addresses
	// Interfaces are the names of the traffic interfaces, which are the same on both units.
	Interfaces []string
	// Replicated are the classes that the pair replicates, apart from those that every pair replicates.
	Replicated []state.Class
	// HasTunnels is set if the unit has an IKE daemon.
	HasTunnels bool
	// Document is the JSON of the class's own options, which only the class decodes. It may be empty.
	Document json.RawMessage
}
