package sidecar

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/connectioncache"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/state"
)

// connectionsWeight is how many frames of connections go before one of another class. A document, which may be large
// and is in no hurry, does not hold up what a failover now would lose.
const connectionsWeight = 8

// openClasses opens the classes that are always replicated, and those that the policy names. The function that is
// returned gives back what they opened, and is to be called when no engine uses them any more.
func openClasses(
	pair contract.Settings, always ...class.Class,
) (classes []class.Class, closeAll func() error, err error) {
	classes = always
	var closers []func() error
	closeAll = func() error {
		var errs []error
		for _, c := range closers {
			errs = append(errs, c())
		}
		return errors.Join(errs...)
	}
	for _, name := range pair.Sync.Classes {
		id, err := state.ParseClass(name)
		if err != nil {
			return nil, nil, errors.Join(err, closeAll())
		}
		switch id {
		case state.ConnectionCache:
			c, err := connectioncache.New(connectioncache.Config{Sync: pair.Sync, VirtualAddresses: virtualAddresses(pair)})
			if err != nil {
				return nil, nil, errors.Join(fmt.Errorf("opening class %s: %w", id, err), closeAll())
			}
			opened := c.Class()
			opened.Weight = connectionsWeight
			classes, closers = append(classes, opened), append(closers, c.Close)
		default:
			return nil, nil, errors.Join(fmt.Errorf("class %s is known and not built in", id), closeAll())
		}
	}
	return classes, closeAll, nil
}

// virtualAddresses are all that the pair shares.
func virtualAddresses(pair contract.Settings) []netip.Addr {
	var all []netip.Addr
	for _, n := range pair.Networks {
		for _, a := range n.VirtualAddresses {
			all = append(all, a.Addr())
		}
	}
	return all
}
