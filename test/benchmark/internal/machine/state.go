// Package machine is what benchmarks have of the machine to themselves, one after the other: a folder for their files,
// and the limits of connection tracking, which are restored also after one that crashed.
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

// stateDirectory has what a benchmark keeps while it runs: configurations, keys, sockets and logs, and what it must
// restore. keepalived runs no script from a folder that others can write to, as the usual place for such files is.
const stateDirectory = "/run/hapair-benchmark"

// Claim makes sure that no other benchmark runs, removes what one that crashed left behind, and makes a folder for
// the files of this one.
func Claim(t testing.TB) (directory string) {
	t.Helper()
	if err := os.MkdirAll(stateDirectory, 0o755); err != nil {
		t.Fatalf("Making a folder for the runs: %v", err)
	}
	lock, err := os.OpenFile(filepath.Join(stateDirectory, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatalf("Locking other benchmarks out: %v", err)
	}
	t.Cleanup(func() { _ = lock.Close() }) // which unlocks it
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Fatalf("Locking other benchmarks out: %v: wait until the other one has ended", err)
	}
	left, err := filepath.Glob(filepath.Join(stateDirectory, "run-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, old := range left {
		if err := os.RemoveAll(old); err != nil {
			t.Fatalf("Removing what an earlier benchmark left behind: %v", err)
		}
	}
	if err := restoreLimits(); err != nil {
		t.Fatalf("Restoring what an earlier benchmark changed: %v", err)
	}
	if directory, err = os.MkdirTemp(stateDirectory, "run-"); err != nil {
		t.Fatalf("Making a folder for the runs: %v", err)
	}
	return directory
}

// The machine's limits of connections, which are all namespaces' together, for two routers with a full table each. They
// are raised only where tables are full: whoever reads a table, as both systems do, keeps a processor from forwarding
// for as long as it takes to pass over its empty buckets.
const (
	limitFile       = "/proc/sys/net/netfilter/nf_conntrack_max"
	bucketsFile     = "/proc/sys/net/netfilter/nf_conntrack_buckets"
	connectionLimit = 4 << 20
	tableBuckets    = 1 << 20
)

// limitsRecord has the limits as they were, for as long as they are raised: also for the next benchmark, should this
// one not come to restore them.
const limitsRecord = stateDirectory + "/limits.json"

// RaiseLimits lets tables grow as far as they are filled, and restores the limits when the trial ends.
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
		t.Fatalf("Noting the limits of connections: %v", err)
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

// restoreLimits sets the limits to what they were before they were raised, if they are.
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
