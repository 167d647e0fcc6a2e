package expectations

import (
	"errors"
	"fmt"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/own"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// Config configures a class on one unit.
type Config struct {
	ID state.Class
	// Helpers are the names of the helpers whose expectations the class has.
	Helpers []string
	// WithHelper gives the expected connection the helper of its master. SIP needs it, because its calls expect further
	// connections. The data connection of FTP must not have it: its contents are no commands.
	WithHelper bool
	// Own are the addresses whose connections are not replicated. If nil, they are those of the interfaces in this
	// network namespace.
	Own *own.Addresses
}

// FTP returns the factory of class FTP.
func FTP() class.Factory {
	return factory(Config{ID: state.FTP, Helpers: contract.HelpersOf(contract.LabelFTP)})
}

// VoIP returns the factory of class VoIP.
func VoIP() class.Factory {
	return factory(Config{ID: state.VoIP, Helpers: contract.HelpersOf(contract.LabelVoIP), WithHelper: true})
}

func factory(config Config) class.Factory {
	return class.Factory{ID: config.ID, New: func(o class.Options) (class.Class, error) {
		config.Own = o.Own
		x, err := New(config)
		if err != nil {
			return class.Class{}, err
		}
		return x.Class(), nil
	}}
}

// Expectations is a class on one unit, in the network namespace of the thread that made it.
type Expectations struct {
	id     state.Class
	source *source
	sink   *sink
}

// New opens the kernel's table of expectations.
func New(config Config) (*Expectations, error) {
	if config.Own == nil {
		config.Own = own.New(own.Config{Read: own.OfInterfaces})
	}
	filter := &filter{helpers: config.Helpers, own: config.Own}
	if err := filter.refresh(); err != nil {
		return nil, err
	}
	// While this is open, the masters of the namespace report their expectations.
	subscription, err := conntrack.OpenTable()
	if err != nil {
		return nil, fmt.Errorf("opening the connection tracking table: %w", err)
	}
	kernel, err := conntrack.OpenExpectations()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the table of expectations: %w", err), subscription.Close())
	}
	codec := codec{config.ID}
	return &Expectations{
		id: config.ID, source: &source{filter: filter, codec: codec},
		sink: &sink{
			filter: filter, codec: codec, withHelper: config.WithHelper, kernel: kernel, subscription: subscription,
		},
	}, nil
}

// Class returns what the engine replicates.
func (x *Expectations) Class() class.Class {
	return class.Class{ID: x.id, Source: x.source, Sink: x.sink, Codec: x.sink.codec, Close: x.Close}
}

// Close stops writing and closes the tables. No engine may use the class any more.
func (x *Expectations) Close() error { return x.sink.close() }
