// Package machine gives a benchmark exclusive use of the machine: a lock against other benchmarks, a folder for files,
// and higher limits of connection tracking. It restores the limits even after a benchmark that crashed.
package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// stateDirectory holds the files of a running benchmark: configurations, keys, sockets, logs, and the limits to
// restore. It is not in the folder for temporary files, because keepalived runs no script from a folder that all can
// write to.
const stateDirectory = "/run/hapair-benchmark"

// Lock locks out other benchmarks and removes the files of one that crashed. It returns a folder for the files of this
// benchmark.
func Lock(t testing.TB) (directory string) {
	t.Helper()
	if err := os.MkdirAll(stateDirectory, 0o755); err != nil {
		t.Fatalf("Making a folder for the runs: %v", err)
	}
	lock, err := os.OpenFile(filepath.Join(stateDirectory, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatalf("Locking out other benchmarks: %v", err)
	}
	t.Cleanup(func() { _ = lock.Close() }) // releases the lock
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Fatalf("Locking out other benchmarks: %v: wait until the other one has ended", err)
	}
	left, err := filepath.Glob(filepath.Join(stateDirectory, "run-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, old := range left {
		if err := os.RemoveAll(old); err != nil {
			t.Fatalf("Removing the files of an earlier benchmark: %v", err)
		}
	}
	if err := restoreLimits(); err != nil {
		t.Fatalf("Restoring the limits that an earlier benchmark raised: %v", err)
	}
	if directory, err = os.MkdirTemp(stateDirectory, "run-"); err != nil {
		t.Fatalf("Making a folder for the runs: %v", err)
	}
	return directory
}

// The machine's connection limits cover all namespaces together, here for two routers with full tables. They are only
// raised for full tables. Reading a table takes processor time for its empty buckets too, during which that processor
// does not forward.
const (
	limitFile       = "/proc/sys/net/netfilter/nf_conntrack_max"
	bucketsFile     = "/proc/sys/net/netfilter/nf_conntrack_buckets"
	connectionLimit = 4 << 20
	tableBuckets    = 1 << 20
)

// limitsRecord stores the original limits while they are raised. If the benchmark crashes, the next one restores them.
const limitsRecord = stateDirectory + "/limits.json"

// RaiseLimits raises the limits for full tables, and restores them when t ends.
func RaiseLimits(t testing.TB) {
	t.Helper()
	before := map[string]int{}
	for _, file := range []string{limitFile, bucketsFile} {
		n, err := readNumber(file)
		if err != nil {
			t.Fatalf("Reading the limits of connections: %v", err)
		}
		before[file] = n
	}
	text, err := json.Marshal(before)
	if err == nil {
		err = os.WriteFile(limitsRecord, text, 0o600)
	}
	if err != nil {
		t.Fatalf("Recording the limits of connections: %v", err)
	}
	t.Cleanup(func() {
		if err := restoreLimits(); err != nil {
			t.Errorf("Restoring the limits of connections: %v", err)
		}
	})
	for file, wanted := range map[string]int{limitFile: connectionLimit, bucketsFile: tableBuckets} {
		if err := writeNumber(file, max(wanted, before[file])); err != nil {
			t.Fatalf("Raising the limits of connections: %v", err)
		}
	}
}

// restoreLimits restores the original limits if they are raised.
func restoreLimits() error {
	text, err := os.ReadFile(limitsRecord)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var before map[string]int
	if err := json.Unmarshal(text, &before); err != nil {
		return fmt.Errorf("reading %s: %w", limitsRecord, err)
	}
	var errs []error
	for file, n := range before {
		errs = append(errs, writeNumber(file, n))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return os.Remove(limitsRecord)
}

func readNumber(file string) (int, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w", file, err)
	}
	return n, nil
}

func writeNumber(file string, n int) error { return os.WriteFile(file, []byte(strconv.Itoa(n)), 0) }
