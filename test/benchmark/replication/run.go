package replication

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/benchmark/internal/harness"
	"github.com/hapair-io/hapair/test/benchmark/internal/machine"
)

// Options select what is measured, and how often.
type Options struct {
	// Rounds is the number of measurements of each system in each scenario.
	Rounds int
	// Scenarios are the names of those to run; all if it is empty.
	Scenarios []string
	// Systems are the names of those to measure; all if it is empty.
	Systems []string
	// Rates are the numbers of connections per second.
	Rates []int
	// Tick is the time between two creations of the connections that are due. It is positive.
	Tick time.Duration
	// Lasting is how long connections are created.
	Lasting time.Duration
	// Idle is how long an idle system is measured.
	Idle time.Duration
	// Fault is how long a fault lasts, Flood how long there are too many new connections.
	Fault, Flood time.Duration
	// Flows is the number of connections in a full table.
	Flows int
	// Output is the directory for samples and the report.
	Output string
	// Progress receives the samples and the report.
	Progress io.Writer
}

// Run measures what the options select, and prints tables. It fails if a run failed. A target that is missed is no
// error; the tables show it.
func Run(ctx context.Context, o Options) error {
	for _, name := range o.Scenarios {
		if !slices.Contains(Names(), name) {
			return fmt.Errorf("--scenarios: %q is unknown; known are %s", name, strings.Join(Names(), ", "))
		}
	}
	for _, name := range o.Systems {
		if !slices.Contains(Systems(), name) {
			return fmt.Errorf("--systems: %q is unknown; known are %s", name, strings.Join(Systems(), ", "))
		}
	}
	if o.Tick <= 0 {
		return errors.New("--tick must be positive")
	}
	if o.Rounds < 1 {
		return errors.New("--rounds must be at least 1")
	}
	if err := os.MkdirAll(o.Output, 0o755); err != nil {
		return fmt.Errorf("creating the output directory: %w", err)
	}
	var samples []Sample
	err := harness.Run(ctx, "bench-replication", func(string) {}, func(t testing.TB) {
		directory := machine.Lock(t)
		machine.RaiseLimits(t)
		for _, s := range scenarios {
			if len(o.Scenarios) > 0 && !slices.Contains(o.Scenarios, s.name) {
				continue
			}
			s.run(t, o, directory, func(x Sample) { samples = append(samples, x) })
		}
	})
	report := Report(samples)
	_, _ = fmt.Fprintf(o.Progress, "\n%s", report)
	return errors.Join(err, os.WriteFile(filepath.Join(o.Output, "report.txt"), []byte(report), 0o644))
}

// note writes a sample at once, so that an interrupted run loses nothing.
func (o Options) note(t testing.TB, s Sample) {
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = fmt.Fprintf(o.Progress, "%s\n", text)
	f, err := os.OpenFile(filepath.Join(o.Output, "runs.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.Write(append(text, '\n'))
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatalf("Writing figures: %v", err)
	}
}
