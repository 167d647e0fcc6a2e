package operator

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Options say how much is measured.
type Options struct {
	// Pairs are the numbers of pairs that are measured with, one after the other.
	Pairs []int
	// Rest is for how long pairs are watched to which nothing happens.
	Rest time.Duration
	// Renewal is how often each active unit renews its Lease.
	Renewal time.Duration
	// Failovers is how many happen one by one, and Burst how many at once.
	Failovers, Burst int
	// Patience bounds each wait.
	Patience time.Duration
	// Bin is the folder of the programs, Output one for what a run writes.
	Bin, Output string
	// Progress is told of every step, and of the tables.
	Progress io.Writer
}

func (o Options) check() error {
	var errs []error
	if os.Geteuid() != 0 {
		errs = append(errs, errors.New("network namespaces need root"))
	}
	if len(o.Pairs) == 0 {
		errs = append(errs, errors.New("--pairs: no number of pairs is given"))
	}
	for _, n := range o.Pairs {
		if n < 1 || n > maxPairs {
			errs = append(errs, fmt.Errorf("--pairs: %d is none of 1 to %d", n, maxPairs))
		}
	}
	if o.Failovers < 1 || o.Burst < 1 || o.Rest <= 0 || o.Renewal <= 0 {
		errs = append(errs, errors.New("--failovers, --burst, --rest and --renewal must be more than nothing"))
	}
	return errors.Join(errs...)
}

// maxPairs is what the pod network of the simulated nodes has addresses for.
const maxPairs = 1 << 15
