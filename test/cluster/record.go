package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hapair-io/hapair/test/cluster/internal/cgroup"
	"github.com/hapair-io/hapair/test/cluster/internal/process"
)

// writeRecord writes a small file of state atomically, because a command may be killed at any moment.
func writeRecord(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return os.Rename(temporary, path)
}

// readRecord reads a record and reports whether it exists.
func readRecord(path string, value any) (bool, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", path, err)
	}
	if err := json.Unmarshal(text, value); err != nil {
		return false, fmt.Errorf("reading %s: %w", path, err)
	}
	return true, nil
}

func initRecord(node string) string { return filepath.Join(nodeDir(node), "init.json") }

// runningInit returns PID 1 of a node, if the node has power.
func runningInit(node string) (id process.Identity, running bool, err error) {
	found, err := readRecord(initRecord(node), &id)
	if err != nil {
		return process.Identity{}, false, err
	}
	return id, found && id.Running(), nil
}

// hierarchies returns those in which the cluster has its control groups. They are recorded, because Down may run in
// another group than Up.
func hierarchies() ([]cgroup.Hierarchy, error) {
	var recorded []cgroup.Hierarchy
	found, err := readRecord(hierarchiesRecord(), &recorded)
	if err != nil || found {
		return recorded, err
	}
	return cgroup.Hierarchies()
}

func hierarchiesRecord() string { return filepath.Join(stateDir, "control-groups.json") }
