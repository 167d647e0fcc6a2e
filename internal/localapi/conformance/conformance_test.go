package conformance_test

import (
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
		expectPassed(t, run(t, tickets(t, build(t, read(t)))))
	})
	t.Run("shell", func(t *testing.T) {
		t.Parallel()
		expectPassed(t, run(t, shell(t)))
	})
}

// defect is a change of the Go provider that breaks the contract, and the script that must find it.
type defect struct{ name, correct, defective, foundBy string }

func defects() []defect {
	return []defect{
		{
			"promises before the answer", `if err = p.write(http.MethodPut, entry, ticket); err == nil {`,
			`go p.write(http.MethodPut, entry, ticket); if err == nil {`, "slow-acknowledgement",
		},
		{
			"ends before the answer", `if err = p.write(http.MethodDelete, entry, nil); err == nil {`,
			`go p.write(http.MethodDelete, entry, nil); if err == nil {`, "slow-acknowledgement",
		},
		{"asks for no acknowledgement of the peer", `&durable=0.25`, ``, "promise"},
		{"writes on the standby", `case !p.own:`, `case p.own && !p.own:`, "standby"},
		{"keeps deciding on the standby", `e.Role, e.Term, e.Role == "Active"`, `e.Role, e.Term, true`, "relapse"},
		{"keeps the old term", `p.role, p.term, p.own = e.Role, e.Term,`, `p.role, p.own = e.Role,`, "takeover"},
		{"takes a refusal for success", `response.StatusCode/100 != 2`, `response.StatusCode/100 == 3`, "full"},
		{"takes a stale term for success", `response.StatusCode/100 != 2`, `response.StatusCode/100 == 5`, "term-change"},
		{
			"repeats without end", `if err = p.write(http.MethodPut, entry, ticket); err == nil {`,
			`for err = p.write(http.MethodPut, entry, ticket); err != nil; err = p.write(http.MethodPut, entry, ticket) {}
			if err == nil {`, "refused-entry",
		},
		{"does not take entries of the peer", `p.tickets[e.Key] = e.Value`, ``, "takeover"},
		{"revives what the peer has ended", `delete(p.tickets, e.Key)`, ``, "relapse"},
		{"replaces before it has listed", `p.own && e.Role == p.role && e.Term == p.term`, `e.Role == "Active"`, "killed"},
		{"does not report what it has", `if p.own || !p.listed || e.Revision == 0 {`, `if true {`, "held"},
		{"fails on unknown events", `return nil // a later`, `return fmt.Errorf("unknown") // a later`, "unknown"},
		{
			"drops unknown fields", `p.role, p.term, p.own = e.Role, e.Term, e.Role == "Active"`,
			`p.role, p.term, p.own = e.Role, e.Term, e.Role == "Active"
			for name := range p.tickets { p.tickets[name] = json.RawMessage("{}") }
			if p.own { return p.replace() }`, "unknown",
		},
		{"does not reconnect", `time.Sleep(200 * time.Millisecond)`, `<-ctx.Done()`, "socket-vanishes"},
		{"does not replace after it has reconnected", `if p.own {
			return p.replace()
		}`, ``, "socket-vanishes"},
		{"adds instead of replacing", `"?replace=true&"`, `"?"`, "socket-vanishes"},
		{
			"has room for 10,000 entries", `p.tickets[e.Key] = e.Value`,
			`p.tickets[e.Key] = e.Value; if len(p.tickets) > 10_000 { panic("full") }`, "flood",
		},
		{"does not end", `for ctx.Err() == nil {`, `for {`, "end"},
	}
}

func TestDefectsAreFound(t *testing.T) {
	source := read(t)
	for _, d := range defects() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			if strings.Count(source, d.correct) == 0 {
				t.Fatalf("the provider has no %s", d.correct)
			}
			config := tickets(t, build(t, strings.Replace(source, d.correct, d.defective, 1)))
			config.Only = []string{d.foundBy}
			report := run(t, config)
			if !slices.Contains(report.Failed(), d.foundBy) {
				t.Errorf("script %s did not find it", d.foundBy)
			}
		})
	}
}

// read returns the source of the provider in Go.
func read(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(providers + "/tickets/main.go")
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// build compiles a provider and returns the path of the program.
func build(t *testing.T, source string) string {
	t.Helper()
	directory := t.TempDir()
	file, program := filepath.Join(directory, "main.go"), filepath.Join(directory, "tickets")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-s -w", "-o", program, file)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("building the provider: %v\n%s", err, output)
	}
	return program
}

// tickets returns the configuration for a build of the provider in Go.
func tickets(t *testing.T, program string) conformance.Config {
	t.Helper()
	// Each run has a loopback address of its own. A free port could be taken before the provider listens.
	address := fmt.Sprintf("TICKETS_ADDRESS=127.77.0.%d:7070", runs.Add(1))
	return conformance.Config{
		Class:   "tickets",
		Command: []string{"env", address, program},
		Probe:   []string{"env", address, absolute(t, providers+"/tickets/probe.sh")},
	}
}

// shell returns the configuration for the provider in shell.
func shell(t *testing.T) conformance.Config {
	t.Helper()
	directory, folder := "TICKETS="+memory(t), absolute(t, providers+"/tickets-shell")
	return conformance.Config{
		Class:   "tickets",
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
