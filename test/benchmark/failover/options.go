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

// Options configure the benchmark.
type Options struct {
	// Runs is the number of runs of each system with each setting.
	Runs int
	// Scenarios are the names of the scenarios to run. If empty, all are run.
	Scenarios []string
	// Only leaves out systems and settings whose name in the tables does not begin with it. If empty, all are measured.
	Only string
	// Sidecar is hapair's program. Assets is the folder with etcd and kube-apiserver.
	Sidecar, Assets string
	// Output is a folder for raw figures, the report, and the logs of failed runs.
	Output string
	// Flows is the number of connections in scenarios with many connections.
	Flows int
	// Away is how long the API server does not answer. Idle is how long the writes of an idle pair are counted.
	Away, Idle time.Duration
	// Patience bounds the wait for a quiet machine before each run.
	Patience time.Duration
	// Logs keeps the logs of all runs, not only of failed ones.
	Logs bool
	// Progress receives a line for every run, and the tables.
	Progress io.Writer
}

// Names returns the names of all scenarios.
func Names() []string {
	var names []string
	for _, s := range scenarios() {
		names = append(names, s.name)
	}
	return names
}

// selected returns the scenarios to run, with the systems and settings to measure.
func (o Options) selected() ([]scenario, error) {
	var wanted []scenario
	for _, s := range scenarios() {
		s.variants = slices.DeleteFunc(s.variants, func(v variant) bool { return !strings.HasPrefix(v.name(), o.Only) })
		if len(s.variants) > 0 && (len(o.Scenarios) == 0 || slices.Contains(o.Scenarios, s.name)) {
			wanted = append(wanted, s)
		}
	}
	for _, name := range o.Scenarios {
		if !slices.Contains(Names(), name) {
			return nil, fmt.Errorf("unknown scenario %q; known: %s", name, strings.Join(Names(), ", "))
		}
	}
	if len(wanted) == 0 {
		return nil, fmt.Errorf("no system and setting of these scenarios begins with %q", o.Only)
	}
	return wanted, nil
}

// check returns an error for each invalid option and missing program.
func (o Options) check() error {
	var errs []error
	if os.Geteuid() != 0 {
		errs = append(errs, errors.New("network namespaces need root"))
	}
	if o.Runs < 1 {
		errs = append(errs, fmt.Errorf("%d runs: there must be at least 1", o.Runs))
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
