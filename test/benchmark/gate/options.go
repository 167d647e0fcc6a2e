package gate

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Options say how much is measured.
type Options struct {
	// Rounds is how often each thing is measured.
	Rounds int
	// Datagrams is for how long they are sent in a round, Stream how long one stream of iperf3 lasts.
	Datagrams, Stream time.Duration
	// Streams is how many of them each router gets in a round.
	Streams int
	// Patience bounds the wait for a quiet machine, before each round.
	Patience time.Duration
	// Progress is told of every round, and of the table.
	Progress io.Writer
}

func (o Options) check() error {
	var errs []error
	if os.Geteuid() != 0 {
		errs = append(errs, errors.New("network namespaces need root"))
	}
	if o.Rounds < 1 || o.Streams < 1 {
		errs = append(errs, fmt.Errorf("%d rounds of %d streams are none", o.Rounds, o.Streams))
	}
	if o.Stream < time.Second {
		errs = append(errs, fmt.Errorf("iperf3 measures no streams of %s: make it a second or more", o.Stream))
	}
	if _, err := exec.LookPath("iperf3"); err != nil {
		errs = append(errs, fmt.Errorf("%w: run `make deps-bench`", err))
	}
	return errors.Join(errs...)
}
