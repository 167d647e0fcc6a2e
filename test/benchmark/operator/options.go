package operator

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Options select what a run measures.
type Options struct {
	// Pairs are the numbers of pairs to measure with, in turn.
	Pairs []int
	// Rest is how long pairs at rest are watched.
	Rest time.Duration
	// Renewal is how often each active unit renews its Lease.
	Renewal time.Duration
	// Failovers is the number of single failovers, and Burst the number of failovers at once.
	Failovers, Burst int
	// Patience bounds each wait.
	Patience time.Duration
	// Bin is the folder of the programs, and Output the folder for results.
	Bin, Output string
	// Progress receives a line for each step, and the tables.
	Progress io.Writer
}

// check returns an error if the options cannot be used.
func (o Options) check() error {
	var errs []error
	if os.Geteuid() != 0 {
		errs = append(errs, errors.New("network namespaces need root"))
	}
	if len(o.Pairs) == 0 {
		errs = append(errs, errors.New("--pairs must have a number of pairs"))
	}
	for _, n := range o.Pairs {
		if n < 1 || n > maxPairs {
			errs = append(errs, fmt.Errorf("--pairs: %d must be from 1 to %d", n, maxPairs))
		}
	}
	if o.Failovers < 1 || o.Burst < 1 || o.Rest <= 0 || o.Renewal <= 0 {
		errs = append(errs, errors.New("--failovers, --burst, --rest and --renewal must be positive"))
	}
	return errors.Join(errs...)
}

// maxPairs is the number of pairs for which the pod network of the simulated nodes has addresses.
const maxPairs = 1 << 15
