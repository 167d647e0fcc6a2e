package replication

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/benchmark/internal/harness"
	"github.com/hapair-io/hapair/test/internal/cpuload"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// scenario is one kind of measurement, with its part of the report.
type scenario struct {
	name    string
	systems []string
	// cases are measured one after the other. Without cases, the scenario has one that is unnamed.
	cases []string
	// atRates is set if each case is measured at the rates of the options.
	atRates bool
	// pair configures hapair.
	pair    pair.Options
	measure func(t testing.TB, o Options, s system, sample *Sample)

	columns []column
	targets []target
	// remark returns text below the table; it may be nil.
	remark func(all []Sample) string
}

var scenarios = []scenario{events, lag, resync, overload, throttle, promotion, hosts, forwarding, limits}

// Names returns the names of the scenarios.
func Names() []string {
	var names []string
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}

// run measures all systems in turn. Samples from before a failure count.
func (s scenario) run(t testing.TB, o Options, directory string, measured func(Sample)) {
	systems := slices.DeleteFunc(slices.Clone(s.systems), func(name string) bool {
		return len(o.Systems) > 0 && !slices.Contains(o.Systems, name)
	})
	cases, rates := s.cases, []int{0}
	if len(cases) == 0 {
		cases = []string{""}
	}
	if s.atRates {
		rates = o.Rates
	}
	for round := range o.Rounds {
		for _, name := range cases {
			for _, rate := range rates {
				for _, system := range systems {
					sample := Sample{Scenario: s.name, System: system, Round: round + 1, Case: name, Rate: rate}
					s.once(t, o, directory, &sample)
					o.note(t, sample)
					measured(sample)
				}
			}
		}
	}
}

// once measures one system on a network of its own. It saves the logs of a run that failed.
func (s scenario) once(t testing.TB, o Options, directory string, sample *Sample) {
	files, err := os.MkdirTemp(directory, "run-")
	if err != nil {
		t.Fatal(err)
	}
	log, err := openLog(filepath.Join(files, "trial.log"))
	if err != nil {
		t.Fatal(err)
	}
	err = harness.Run(t.Context(), s.name, log.write, func(t testing.TB) {
		quieten(t) // the kernel may still be removing the last network
		s.measure(t, o, start(t, sample.System, files, s.pair), sample)
	})
	if closed := log.close(); err == nil {
		err = closed
	}
	if err != nil {
		kept := filepath.Join(o.Output, strings.ReplaceAll(
			fmt.Sprintf("failed-%s-%s-%s-%d", s.name, sample.System, sample.Case, sample.Round), " ", "-"))
		t.Fatalf("%s, %s, %s, round %d: %v (logs: %s, %v)",
			s.name, sample.System, sample.Case, sample.Round, err, kept, keepLogs(files, kept))
	}
}

const (
	// quiet is the share of a processor that other programs may use, and quietPatience the longest time to wait for that.
	// After it, the measurement starts in any case.
	quiet         = 0.3
	quietPatience = 10 * time.Second
)

// quieten waits until the machine is quiet.
func quieten(t testing.TB) {
	t.Helper()
	if _, err := cpuload.Wait(t.Context(), quiet, quietPatience); err != nil && !errors.Is(err, cpuload.ErrBusy) {
		t.Fatalf("Waiting for the machine to be quiet: %v", err)
	}
}

// trialLog is the log file of a trial.
type trialLog struct {
	mu   sync.Mutex
	file *os.File
	err  error
}

func openLog(name string) (*trialLog, error) {
	f, err := os.Create(name)
	return &trialLog{file: f}, err
}

func (l *trialLog) write(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		_, l.err = fmt.Fprintln(l.file, strings.TrimRight(text, "\n"))
	}
}

func (l *trialLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.file.Close(); l.err == nil {
		l.err = err
	}
	return l.err
}

// keepLogs copies the logs of a run to a directory that remains.
func keepLogs(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, pattern := range []string{"*.log", "*.out"} {
		names, err := filepath.Glob(filepath.Join(from, pattern))
		if err != nil {
			return err
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err == nil {
				err = os.WriteFile(filepath.Join(to, filepath.Base(name)), text, 0o644)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
