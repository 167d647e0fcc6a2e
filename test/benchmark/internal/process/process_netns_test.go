//go:build netns

package process_test

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/benchmark/internal/process"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/testbed"
)

func TestSignalAllFindsProcessesByNamespace(t *testing.T) {
	here, there := testbed.NewNamespace(t, "here"), testbed.NewNamespace(t, "there")
	log := filepath.Join(t.TempDir(), "log")
	// The child of a program belongs to its machine too.
	shell := process.Start(t, namespace.Named(here.Name), log, exec.Command("sh", "-c", "sleep 1000; true"))
	other := process.Start(t, namespace.Named(there.Name), log, exec.Command("sleep", "1000"))
	testbed.Eventually(t, "shell and child run", func() bool {
		n, err := process.SignalAll(namespace.Named(here.Name), unix.SIGCONT)
		return err == nil && n == 2
	})
	shell.Running()
	if err := process.KillAll(namespace.Named(here.Name)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-shell.Ended():
	case <-time.After(testbed.Timeout):
		t.Error("the shell runs on")
	}
	other.Running()
}
