//go:build netns

package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAGroupFindsAndEndsItsProcesses(t *testing.T) {
	trees, err := Hierarchies()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	root := fmt.Sprintf("hapair-t-%d", os.Getpid())
	group := root + "/host"
	for range 2 { // creating is idempotent
		if err := Create(trees, group); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := Remove(context.Background(), trees, root); err != nil {
			t.Error(err)
		}
	})

	sleeper := startIn(t, Paths(trees, group))
	if pids, err := Processes(trees, root); err != nil || !slices.Equal(pids, []int{sleeper}) {
		t.Errorf("processes = %v, %v; want %d", pids, err, sleeper)
	}
	if err := Kill(ctx, trees, root); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Remove(ctx, trees, root); err != nil {
			t.Fatal(err)
		}
	}
	if left := Paths(trees, root); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if pids, err := Processes(trees, root); err != nil || len(pids) != 0 {
		t.Errorf("processes of a removed group: %v, %v", pids, err)
	}
}

// startIn starts a process that joins a group and then waits to be killed.
func startIn(t *testing.T, paths []string) int {
	t.Helper()
	var script strings.Builder
	for _, path := range paths {
		fmt.Fprintf(&script, "echo 0 > %s\n", filepath.Join(path, "cgroup.procs"))
	}
	script.WriteString("echo joined\nread forever\n")
	command := exec.Command("/bin/sh", "-c", script.String())
	if _, err := command.StdinPipe(); err != nil { // held open, but never written to
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	if _, err := output.Read(make([]byte, len("joined"))); err != nil {
		t.Fatalf("the process did not join: %v", err)
	}
	return command.Process.Pid
}

func TestAGroupHasTheWeightOfManyPrograms(t *testing.T) {
	trees, err := Hierarchies()
	if err != nil {
		t.Fatal(err)
	}
	group := fmt.Sprintf("hapair-t-%d-weight", os.Getpid())
	t.Cleanup(func() {
		if err := Remove(context.Background(), trees, group); err != nil {
			t.Error(err)
		}
	})
	if err := errors.Join(Create(trees, group), SetWeight(trees, group, 6)); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, path := range Paths(trees, group) {
		for name, want := range map[string]string{"cpu.shares": "6144", "cpu.weight": "600"} {
			got, err := os.ReadFile(filepath.Join(path, name))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			found = true
			if err != nil || strings.TrimSpace(string(got)) != want {
				t.Errorf("%s is %q, %v; want %s", name, got, err, want)
			}
		}
	}
	if !found {
		t.Error("the group has no weight")
	}
}
