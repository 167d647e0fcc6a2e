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

	"github.com/hapair-io/hapair/test/benchmark/internal/figures"
	"github.com/hapair-io/hapair/test/benchmark/internal/machine"
	"github.com/hapair-io/hapair/test/benchmark/internal/trial"
	"github.com/hapair-io/hapair/test/testbed/connections"
)

// Options say what is measured, and how often.
type Options struct {
	// Rounds is how often each system is measured in each scenario.
	Rounds int
	// Scenarios are the names of those to run; all when empty.
	Scenarios []string
	// Rates are how many connections are made a second.
	Rates []int
	// Lasting is for how long they are made.
	Lasting time.Duration
	// Flows is how many connections a table has that a standby is filled with.
	Flows int
	// Output is a folder for raw figures and the report.
	Output string
	// Progress is told what goes on.
	Progress io.Writer
}

// Sample is what one run measured. A field that a scenario does not measure is zero.
type Sample struct {
	Scenario string `json:"scenario"`
	System   string `json:"system"`
	Round    int    `json:"round"`
	// Rate is what was wanted, Reached what came of it, a second.
	Rate    int     `json:"rate,omitempty"`
	Reached float64 `json:"reached,omitempty"`
	Made    int     `json:"made,omitempty"`
	Missing int     `json:"missing"`
	// CPU is that of both ends for each connection, in microseconds; Bytes what the link carried for each.
	CPU   float64 `json:"cpuMicroseconds,omitempty"`
	Bytes float64 `json:"bytes,omitempty"`
	// LagP50 and LagP99 are from the one kernel to the other, in milliseconds.
	LagP50 float64 `json:"lagP50,omitempty"`
	LagP99 float64 `json:"lagP99,omitempty"`
	// Filled is how long an empty standby took to have everything usable, in seconds.
	Filled float64 `json:"filled,omitempty"`
	// Resident is the memory of the primary's and the secondary's process, in MiB.
	Resident [2]float64 `json:"resident"`
}

// scenario is one kind of measurement.
type scenario struct {
	name    string
	systems []string
	// rates are those of the options, or none.
	atRates bool
	measure func(t testing.TB, o Options, s system, sample *Sample)
}

var scenarios = []scenario{
	{"events", []string{hapair, cached, direct}, true, measureEvents},
	{"lag", []string{hapair, direct}, true, measureLag},
	{"resync", []string{hapair, cached, direct}, false, measureResync},
}

// Names are the scenarios' names.
func Names() []string {
	var names []string
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}

// Run measures everything that the options ask for, prints tables, and returns an error when a run failed. That a
// figure is not reached is no error: the tables say so.
func Run(ctx context.Context, o Options) error {
	for _, name := range o.Scenarios {
		if !slices.Contains(Names(), name) {
			return fmt.Errorf("--scenarios: %q is none of %s", name, strings.Join(Names(), ", "))
		}
	}
	if o.Rounds < 1 {
		return errors.New("--rounds must be at least 1")
	}
	if err := os.MkdirAll(o.Output, 0o755); err != nil {
		return fmt.Errorf("making the folder for figures: %w", err)
	}
	var samples []Sample
	err := trial.Run(ctx, "bench-replication", func(string) {}, func(t testing.TB) {
		directory := machine.Claim(t)
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

// run measures all systems in turns. What was measured before something failed counts.
func (s scenario) run(t testing.TB, o Options, directory string, measured func(Sample)) {
	rates := []int{0}
	if s.atRates {
		rates = o.Rates
	}
	for round := range o.Rounds {
		for _, rate := range rates {
			for _, name := range s.systems {
				sample := Sample{Scenario: s.name, System: name, Round: round + 1, Rate: rate}
				err := trial.Run(t.Context(), s.name, func(string) {}, func(t testing.TB) {
					files, err := os.MkdirTemp(directory, "run-")
					if err != nil {
						t.Fatal(err)
					}
					s.measure(t, o, start(t, name, files), &sample)
				})
				if err != nil {
					t.Fatalf("%s, %s, round %d: %v", s.name, name, round+1, err)
				}
				o.note(t, sample)
				measured(sample)
			}
		}
	}
}

// note writes a sample down at once: a run that is interrupted has measured until then.
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

// measureEvents makes connections at a rate, and measures what it takes until the secondary has them.
func measureEvents(t testing.TB, o Options, s system, sample *Sample) {
	table := connections.Open(t, s.network().Primary)
	before := spent(t, s)
	sample.Made, sample.Reached = createAtRate(t, table, sample.Rate, o.Lasting)
	sample.Missing = sample.Made - settle(t, s, sample.Made)
	after := spent(t, s)
	sample.CPU = float64((after.cpu - before.cpu).Microseconds()) / float64(sample.Made)
	sample.Bytes = float64(after.bytes-before.bytes) / float64(sample.Made)
	sample.Resident = memory(t, s)
}

// settle waits until the secondary has as much as it will get, and returns how much that is.
func settle(t testing.TB, s system, made int) int {
	t.Helper()
	const still = 2 * time.Second
	last, since := -1, time.Now()
	for {
		held, err := s.held()
		if err != nil {
			t.Fatal(err)
		}
		if held >= made || held == last && time.Since(since) > still {
			return min(held, made)
		}
		if held != last {
			last, since = held, time.Now()
		}
		select {
		case <-t.Context().Done():
			t.Fatal("interrupted")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func measureLag(t testing.TB, o Options, s system, sample *Sample) {
	const every = 10
	from, to := listen(t, s.network().Primary, every), listen(t, s.network().Secondary, every)
	ctx, cancel := context.WithCancel(t.Context())
	from.run(ctx)
	to.run(ctx)
	table := connections.Open(t, s.network().Primary)
	sample.Made, sample.Reached = createAtRate(t, table, sample.Rate, o.Lasting)
	sample.Missing = sample.Made - settle(t, s, sample.Made)
	cancel()
	from.done.Wait()
	to.done.Wait()
	sum := figures.Summarize(lags(from, to))
	sample.LagP50, sample.LagP99 = milliseconds(sum.P50), milliseconds(sum.P99)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// measureResync fills an empty secondary.
func measureResync(t testing.TB, o Options, s system, sample *Sample) {
	connections.Create(t, connections.Open(t, s.network().Primary), 0, o.Flows)
	awaitHeld(t, s, o.Flows)
	s.empty()
	begun := time.Now()
	s.refill(o.Flows)
	sample.Filled = time.Since(begun).Seconds()
	sample.Made = o.Flows
	sample.Resident = memory(t, s)
}

func memory(t testing.TB, s system) (all [2]float64) {
	for i, pid := range s.processes() {
		bytes, err := resident(pid)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = float64(bytes) / (1 << 20)
	}
	return all
}
