package failover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/test/benchmark/internal/apiserver"
	"github.com/hapair-io/hapair/test/benchmark/internal/harness"
	"github.com/hapair-io/hapair/test/benchmark/internal/machine"
	"github.com/hapair-io/hapair/test/benchmark/internal/process"
	"github.com/hapair-io/hapair/test/internal/cpuload"
	"github.com/hapair-io/hapair/test/internal/ontime"
	"github.com/hapair-io/hapair/test/testbed"
)

// maxDisturbed bounds how often a run is repeated because the pair changed before the event.
const maxDisturbed = 3

// Run measures all selected scenarios and prints tables. It returns an error if a run failed. A missed target is not an
// error, but the tables report it.
func Run(ctx context.Context, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	defer ontime.RaiseProcessors()()
	wanted, err := o.selected()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.Output, 0o755); err != nil {
		return fmt.Errorf("creating the folder of results: %w", err)
	}
	raw, err := os.Create(filepath.Join(o.Output, "runs.jsonl"))
	if err != nil {
		return fmt.Errorf("creating the file of raw figures: %w", err)
	}
	b := &benchmark{options: o, raw: json.NewEncoder(raw)}
	var samples []Sample
	err = harness.Run(ctx, "benchmark", b.log, func(t testing.TB) {
		b.prepare(t)
		for _, s := range wanted {
			samples = append(samples, b.scenario(t.Context(), s)...)
			b.log(report([]scenario{s}, samples))
		}
	})
	err = errors.Join(err, raw.Close())
	if len(samples) > 0 {
		text := report(wanted, samples) + notes
		b.log("\nAll tables:\n" + text)
		err = errors.Join(err, os.WriteFile(filepath.Join(o.Output, "report.txt"), []byte(text), 0o644))
	}
	for _, s := range samples {
		// If the other system changes by itself too often to be measured, that is a result and in the table.
		if s.Error != "" && (!s.Unsteady || s.System == systemHapair) {
			err = errors.Join(err, fmt.Errorf("%s, %s, %s, run %d: %s", s.Scenario, s.System, s.Setting, s.Run, s.Error))
		}
	}
	return err
}

// benchmark holds what all runs share.
type benchmark struct {
	options    Options
	raw        *json.Encoder
	directory  string
	management *testbed.Namespace
	server     *apiserver.Server
	runs       int
}

func (b *benchmark) log(text string) {
	_, _ = io.WriteString(b.options.Progress, strings.TrimRight(text, "\n")+"\n")
}

// prepare starts the API server on its own switch. It runs until the end of the benchmark.
func (b *benchmark) prepare(t testing.TB) {
	t.Helper()
	b.directory = machine.Lock(t)
	t.Cleanup(func() {
		if t.Failed() {
			from, to := filepath.Join(b.directory, "apiserver"), filepath.Join(b.options.Output, "apiserver")
			if err := keepLogs(from, to); err != nil {
				t.Errorf("Keeping the logs of the API server: %v", err)
			}
		}
		if err := os.RemoveAll(b.directory); err != nil {
			t.Errorf("Removing the files of the runs: %v", err)
		}
	})
	b.management = testbed.NewNamespace(t, "management")
	b.management.Bridge(t, managementBridge)
	b.management.Link(t, managementBridge).Address(apiServerAddress + managementPrefix)
	directory := filepath.Join(b.directory, "apiserver")
	if err := os.Mkdir(directory, 0o700); err != nil {
		t.Fatalf("Making a folder for the API server: %v", err)
	}
	b.log("Starting etcd and kube-apiserver")
	b.server = apiserver.Start(t, b.management, netip.MustParseAddr(apiServerAddress), b.options.Assets, directory)
	_, err := b.server.Admin.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: kubernetesNamespace}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("Making a namespace: %v", err)
	}
	// The assets are in bin/kubernetes-assets of the checkout.
	checkout := filepath.Join(b.options.Assets, "..", "..")
	if err := b.server.InstallCRDs(t.Context(), checkout, "haunits"); err != nil {
		t.Fatalf("Installing the CRD of units: %v", err)
	}
}

// scenario measures one scenario. It raises the connection limits if the scenario needs it.
func (b *benchmark) scenario(ctx context.Context, s scenario) (samples []Sample) {
	b.log(fmt.Sprintf("\n=== %s: %s", s.name, s.title))
	err := harness.Run(ctx, s.name, b.log, func(t testing.TB) {
		if s.manyFlows {
			machine.RaiseLimits(t)
		}
		samples = b.rounds(ctx, s)
	})
	if err != nil {
		samples = append(samples, Sample{Scenario: s.name, At: time.Now(), Error: err.Error()})
	}
	return samples
}

// rounds measures every variant once in each round, so that other work on the machine affects all variants equally.
func (b *benchmark) rounds(ctx context.Context, s scenario) []Sample {
	var samples []Sample
	for round := range b.options.Runs {
		for _, v := range s.variants {
			if ctx.Err() != nil {
				return samples
			}
			if v.runs > 0 && round >= v.runs {
				continue
			}
			sample := b.sample(ctx, s, v, round+1)
			samples = append(samples, sample)
			if err := b.raw.Encode(sample); err != nil {
				b.log("Writing raw figures failed: " + err.Error())
			}
			b.log(sample.String())
		}
	}
	return samples
}

// sample makes one run. It repeats a run that was disturbed before the event, since its figures have no meaning.
func (b *benchmark) sample(ctx context.Context, s scenario, v variant, run int) Sample {
	for disturbed := 0; ; disturbed++ {
		sample := Sample{
			Scenario: s.name, System: v.system, Setting: v.setting, Run: run, At: time.Now(), Disturbed: disturbed,
		}
		err := b.attempt(ctx, s, v, &sample)
		if err == nil {
			return sample
		}
		sample.Error, sample.Unsteady = err.Error(), errors.Is(err, errDisturbed)
		if ctx.Err() != nil || disturbed == maxDisturbed || !sample.Unsteady {
			return sample
		}
		b.log(fmt.Sprintf("  %s, %s: %s; repeating the run", v.system, v.setting, sample.Error))
	}
}

func (b *benchmark) attempt(ctx context.Context, s scenario, v variant, sample *Sample) (err error) {
	b.runs++
	name := fmt.Sprintf("%012d", uint64(b.runs))
	directory := filepath.Join(b.directory, name)
	if err := os.Mkdir(directory, 0o755); err != nil {
		return err
	}
	before, err := cpuload.Now()
	if err != nil {
		return err
	}
	err = harness.Run(ctx, s.name, b.log, func(t testing.TB) {
		bed := newBed(t, b.management, directory)
		for _, r := range bed.routers() {
			t.Cleanup(func() {
				if err := process.KillAll(r.path()); err != nil {
					t.Errorf("Ending the programs of %s: %v", r.name, err)
				}
			})
		}
		system := v.make(bed, b.options, b.server, name)
		system.start()
		s.measure(bed, system, b.options, sample)
	})
	if after, loadErr := cpuload.Now(); loadErr == nil {
		sample.Load = after.Since(before)
	}
	if err == nil && !b.options.Logs {
		return os.RemoveAll(directory)
	}
	kept := filepath.Join(b.options.Output, fmt.Sprintf("%s-%s-%d-%04x", s.name, v.system, sample.Run, rand.N(1<<16)))
	return errors.Join(err, keepLogs(directory, kept))
}

// keepLogs copies the logs and configurations of a run, and removes its other files.
func keepLogs(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	var errs []error
	for _, pattern := range []string{"*.log", "*.conf", "*.json", "*-roles"} {
		files, err := filepath.Glob(filepath.Join(from, pattern))
		if err != nil {
			return err
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err == nil {
				err = os.WriteFile(filepath.Join(to, filepath.Base(file)), text, 0o600)
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, os.RemoveAll(from))...)
}
