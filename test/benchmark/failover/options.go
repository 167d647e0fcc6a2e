package failover

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hapair-io/hapair/test/benchmark/internal/conntrackd"
)

// Options say what is measured, and how often.
type Options struct {
	// Runs is how often each system is measured with each setting.
	Runs int
	// Scenarios are the names of those to run; all when empty.
	Scenarios []string
	// Sidecar is hapair's program, Assets the folder with etcd and kube-apiserver.
	Sidecar, Assets string
	// Output is a folder for raw figures, the report, and the logs of runs that failed.
	Output string
	// Flows is how many connections the table has where there are many.
	Flows int
	// Away is how long the API server does not answer, Idle for how long the writes of an idle pair are counted.
	Away, Idle time.Duration
	// Patience bounds the wait for a quiet machine, before each run.
	Patience time.Duration
	// Logs keeps the logs of all runs, not only of those that failed.
	Logs bool
	// Progress is told of every run, and of the tables.
	Progress io.Writer
}

// Names are those of all scenarios.
func Names() []string {
	var names []string
	for _, s := range scenarios() {
		names = append(names, s.name)
	}
	return names
}

// selected are the scenarios that are wanted.
func (o Options) selected() ([]scenario, error) {
	var wanted []scenario
	for _, s := range scenarios() {
		if len(o.Scenarios) == 0 || slices.Contains(o.Scenarios, s.name) {
			wanted = append(wanted, s)
		}
	}
	for _, name := range o.Scenarios {
		if !slices.Contains(Names(), name) {
			return nil, fmt.Errorf("no scenario is named %q; there are %s", name, strings.Join(Names(), ", "))
		}
	}
	return wanted, nil
}

// check finds what is missing before anything is started.
func (o Options) check() error {
	var errs []error
	if os.Geteuid() != 0 {
		errs = append(errs, errors.New("network namespaces need root"))
	}
	if o.Runs < 1 {
		errs = append(errs, fmt.Errorf("%d runs are none", o.Runs))
	}
	for _, program := range []string{keepalivedProgram, conntrackd.Program} {
		if _, err := os.Stat(program); err != nil {
			errs = append(errs, fmt.Errorf("%w: run `make deps-bench`", err))
		}
	}
	for _, program := range []string{
		o.Sidecar, filepath.Join(o.Assets, "etcd"), filepath.Join(o.Assets, "kube-apiserver"),
	} {
		if _, err := os.Stat(program); err != nil {
			errs = append(errs, fmt.Errorf("%w: run `make build kubernetes-assets`", err))
		}
	}
	return errors.Join(errs...)
}
