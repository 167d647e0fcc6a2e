package gate

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Options configure the benchmark.
type Options struct {
	// DataPlane compares the data plane's routing table with source validation, instead of the gate, with one routing
	// table and without validation.
	DataPlane bool
	// Rounds is the number of rounds of each measurement.
	Rounds int
	// Datagrams is how long datagrams are sent in a round. Stream is the length of one iperf3 stream.
	Datagrams, Stream time.Duration
	// Streams is the number of streams through each router in a round.
	Streams int
	// Patience bounds the wait for a quiet machine before each round.
	Patience time.Duration
	// Progress receives a line for every round, and the table.
	Progress io.Writer
}

func (o Options) check() error {
	var errs []error
	if os.Geteuid() != 0 {
		errs = append(errs, errors.New("network namespaces need root"))
	}
	if o.Rounds < 1 || o.Streams < 1 {
		errs = append(errs, fmt.Errorf("%d rounds of %d streams: both must be at least 1", o.Rounds, o.Streams))
	}
	if o.Stream < time.Second {
		errs = append(errs, fmt.Errorf("streams of %s: iperf3 needs a second or more", o.Stream))
	}
	if _, err := exec.LookPath("iperf3"); err != nil {
		errs = append(errs, fmt.Errorf("%w: run `make deps-bench`", err))
	}
	return errors.Join(errs...)
}
