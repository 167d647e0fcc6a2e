package program

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestVersionFlag(t *testing.T) {
	version, commit = "1.2.3", "0123abcd"
	t.Cleanup(func() { version, commit = "", "" })
	var out bytes.Buffer
	command := &cobra.Command{Use: "manager", RunE: func(*cobra.Command, []string) error { return nil }}
	command.Flags().IntP("verbosity", "v", 0, "as in each program")
	command.SetOut(&out)
	command.SetArgs([]string{"--version"})
	if code := Run(command); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if want := "manager version 1.2.3 (commit 0123abcd, " + runtime.Version() + ")\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}

func TestBuildInfoIsNeverEmpty(t *testing.T) {
	b := BuildInfo()
	if b.Version == "" || b.Commit == "" || !strings.HasPrefix(b.Go, "go") {
		t.Errorf("got %+v", b)
	}
	if values := b.LogValues(); len(values) != 6 {
		t.Errorf("got %v", values)
	}
}
