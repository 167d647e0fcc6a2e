package routing

import (
	"errors"

	"github.com/hapair-io/hapair/internal/bounded"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// maxFaults bounds how many faults a text describes. A reader with more of them fixes these first.
const maxFaults = 5

// fault is a field of the document whose route is missing, and why.
type fault struct {
	field, message string
}

// faults are all that is missing.
type faults []fault

// String returns the first faults as one text; empty without faults.
func (f faults) String() string {
	texts := make([]string, len(f))
	for i, fault := range f {
		texts[i] = fault.message
		if fault.field != "" {
			texts[i] = fault.field + ": " + fault.message
		}
	}
	return bounded.Join(texts, maxFaults)
}

// routeFaults returns the faults in an error of Kernel.SetAllRoutes, with the fields of the routes.
func routeFaults(err error, r resolution) faults {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all faults
		for _, e := range joined.Unwrap() {
			all = append(all, routeFaults(e, r)...)
		}
		return all
	}
	var refused *rtnetlink.RouteError
	if errors.As(err, &refused) {
		return faults{{r.fields[keyOf(refused.Route)], err.Error()}}
	}
	return faults{{message: err.Error()}}
}
