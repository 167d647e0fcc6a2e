package frr

import (
	"errors"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// routes are the learned routes in the data plane's table.
type routes struct{ kernel *rtnetlink.Conn }

// list returns the routes that daemons of this unit have learned, and whether there are some of the other unit.
func (r routes) list() (learned []rtnetlink.MultipathRoute, isHolding bool, err error) {
	all, err := r.kernel.MultipathRoutes(contract.DataPlaneTable)
	for _, route := range all {
		switch {
		case route.Protocol == contract.HeldProtocol:
			isHolding = true
		case contract.IsLearned(route.Protocol):
			learned = append(learned, route)
		}
	}
	return learned, isHolding, err
}

// arePreserved reports whether packets are forwarded by routes that a daemon has learned before.
func (r routes) arePreserved() (bool, error) {
	learned, isHolding, err := r.list()
	return isHolding || len(learned) > 0, err
}

// remove removes what daemons of this unit have learned. On a standby it would be old after the next failover.
func (r routes) remove() error {
	learned, _, err := r.list()
	errs := []error{err}
	for _, route := range learned {
		errs = append(errs, r.kernel.RemoveMultipathRoute(route))
	}
	return errors.Join(errs...)
}
