package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/own"
	"github.com/hapair-io/hapair/internal/replication/sender"
	"github.com/hapair-io/hapair/internal/replication/transport"
	"github.com/hapair-io/hapair/internal/replication/wire"
)

// Role is the role of this unit in replication.
type Role = wire.Role

// The roles that Become takes.
const (
	RoleNone    = wire.RoleNone
	RoleActive  = wire.RoleActive
	RoleStandby = wire.RoleStandby
)

// Limits bound how fast state is sent; 0 is unlimited.
type Limits = sender.Limits

// Config has what an engine needs.
type Config struct {
	// Pair, Namespace and Unit identify this unit. Peer is the name of the other one.
	Pair, Namespace, Unit, Peer string
	// Incarnation identifies this process, as in the Lease.
	Incarnation string
	// ListenAddress is where to listen, as in ":7780". A unit without one dials. One of the two units must listen,
	// whatever their roles, so that a change of roles does not touch the session.
	ListenAddress string
	// PeerPort is the port on which the peer listens.
	PeerPort uint16
	// TLS supplies the configuration of each handshake.
	TLS transport.Source
	// Classes are those to replicate; there may be none.
	Classes []class.Class
	// Own are the addresses whose connections the classes leave out. The engine exchanges them with the peer. With
	// nil, the classes leave out none.
	Own *own.Addresses
	// Limits bound how fast state is sent, until SetLimits changes them.
	Limits Limits
	// AuditInterval is the time between two comparisons of the units' tables while they are in sync. Each costs both
	// units a dump of the table. 0 disables audits.
	AuditInterval time.Duration
	// Metrics are updated. If it is nil, the engine creates metrics that nobody reads.
	Metrics *Metrics
	Log     logr.Logger
	// Network opens connections; TCP if it is nil.
	Network transport.Network
}

// check validates the configuration.
func (c *Config) check() error {
	var errs []error
	for name, value := range map[string]string{
		"pair": c.Pair, "namespace": c.Namespace, "unit": c.Unit, "peer": c.Peer, "incarnation": c.Incarnation,
	} {
		if value == "" {
			errs = append(errs, fmt.Errorf("%s must be set", name))
		}
	}
	if c.TLS == nil {
		errs = append(errs, errors.New("a source of TLS configurations must be set"))
	}
	errs = append(errs, c.Limits.Validate())
	if c.ListenAddress == "" && c.PeerPort == 0 {
		errs = append(errs, errors.New("either an address to listen on or the peer's port must be set"))
	}
	return errors.Join(errs...)
}

// hello returns the first frame of each session.
func (c *Config) hello() *wire.Hello {
	hello := &wire.Hello{
		Version: wire.Version, OldestVersion: wire.OldestVersion, Pair: c.Pair, Namespace: c.Namespace,
		Unit: c.Unit, Incarnation: c.Incarnation,
	}
	for _, class := range c.Classes {
		hello.Classes = append(hello.Classes, class.ID)
	}
	return hello
}
