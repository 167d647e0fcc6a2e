package conformance_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hapair-io/hapair/internal/localapi/conformance"
)

// runs counts the runs of the provider in Go.
var runs atomic.Int32

const providers = "../../../examples/providers"

func TestReferenceProvidersPass(t *testing.T) {
	t.Run("Go", func(t *testing.T) {
		t.Parallel()
		expectPassed(t, run(t, tickets(t, build(t))))
	})
	t.Run("shell", func(t *testing.T) {
		t.Parallel()
		expectPassed(t, run(t, shell(t)))
	})
}

func TestDefectsAreFound(t *testing.T) {
	for _, d := range defects() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			config := tickets(t, build(t, d.edits...))
			config.Only = []string{d.foundBy}
			report := run(t, config)
			if !slices.Contains(report.Failed(), d.foundBy) {
				t.Errorf("script %s did not find it", d.foundBy)
			}
		})
	}
}

// build compiles the provider in Go with edits, and returns the path of the program.
func build(t *testing.T, edits ...edit) string {
	t.Helper()
	directory, texts := t.TempDir(), map[string]string{}
	for _, e := range edits {
		path := absolute(t, e.file)
		if _, read := texts[path]; !read {
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			texts[path] = string(source)
		}
		if !strings.Contains(texts[path], e.correct) {
			t.Fatalf("%s has no %s", e.file, e.correct)
		}
		texts[path] = strings.Replace(texts[path], e.correct, e.defective, 1)
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for path, text := range texts {
		overlay.Replace[path] = filepath.Join(directory, filepath.Base(path))
		if err := os.WriteFile(overlay.Replace[path], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	encoded, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	replaced, binary := filepath.Join(directory, "overlay.json"), filepath.Join(directory, "tickets")
	if err := os.WriteFile(replaced, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-s -w", "-overlay", replaced, "-o", binary,
		providers+"/tickets")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("building the provider: %v\n%s", err, output)
	}
	return binary
}

// tickets returns the configuration for a build of the provider in Go.
func tickets(t *testing.T, program string) conformance.Config {
	t.Helper()
	// Each run has a loopback address of its own. A free port could be taken before the provider listens.
	address := fmt.Sprintf("TICKETS_ADDRESS=127.77.0.%d:7070", runs.Add(1))
	return conformance.Config{
		Class:   "tickets",
		Schema:  ticketSchema(t),
		Command: []string{"env", address, program},
		Probe:   []string{"env", address, absolute(t, providers+"/tickets/probe.sh")},
	}
}

// ticketSchema returns the schema of the values of both providers.
func ticketSchema(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(absolute(t, providers+"/tickets/schema.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// shell returns the configuration for the provider in shell.
func shell(t *testing.T) conformance.Config {
	t.Helper()
	directory, folder := "TICKETS="+memory(t), absolute(t, providers+"/tickets-shell")
	return conformance.Config{
		Class:   "tickets",
		Schema:  ticketSchema(t),
		Command: []string{"env", directory, filepath.Join(folder, "provider.sh")},
		Probe:   []string{"env", directory, filepath.Join(folder, "probe.sh")},
	}
}

// memory returns a directory in memory, as a provider has in its container.
func memory(t *testing.T) string {
	t.Helper()
	directory, err := os.MkdirTemp("/dev/shm", "providertest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(directory); err != nil {
			t.Error(err)
		}
	})
	return directory
}

func run(t *testing.T, config conformance.Config) conformance.Report {
	t.Helper()
	report, err := conformance.Run(t.Context(), config, func(r conformance.Result) {
		t.Logf("%s after %s: %v", r.Name, r.Took, r.Err)
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func expectPassed(t *testing.T, report conformance.Report) {
	t.Helper()
	if len(report.Results) != len(conformance.Scripts()) {
		t.Errorf("%d scripts were played, want %d", len(report.Results), len(conformance.Scripts()))
	}
	for _, r := range report.Results {
		if r.Err != nil {
			t.Errorf("%s: %v\n%s", r.Name, r.Err, r.Output)
		}
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
