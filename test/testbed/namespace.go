package testbed

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hapair-io/hapair/test/namespace"

	"github.com/vishvananda/netns"
)

// namespacePrefix begins the name of every namespace of a test. The ID of the process that created it follows.
const namespacePrefix = "hapair-t-"

// Namespace is a network namespace that lives as long as its test, or the test's own.
type Namespace struct {
	// Name is the name in the list of `ip netns`.
	Name   string
	handle netns.NsHandle
	// own is set for the namespace of the test itself.
	own bool
}

var serial atomic.Uint32 // makes names unique among the tests of one process

// NewNamespace creates a network namespace with its loopback up.
func NewNamespace(t testing.TB, name string) *Namespace {
	t.Helper()
	Sweep(t)
	n := &Namespace{Name: fmt.Sprintf("%s%d-%d-%s", namespacePrefix, os.Getpid(), serial.Add(1), name)}
	err := namespace.Create(n.Name)
	if err == nil {
		n.handle, err = netns.GetFromName(n.Name)
	}
	if err != nil {
		t.Fatalf("Creating network namespace %s: %v", n.Name, err)
	}
	t.Cleanup(func() {
		if err := errors.Join(n.handle.Close(), namespace.Delete(n.Name)); err != nil {
			t.Errorf("Removing network namespace %s: %v", n.Name, err)
		}
	})
	n.Link(t, "lo").Up()
	return n
}

// Own returns the namespace of the calling thread, which a test must have for itself: see namespace.Alone.
func Own() *Namespace { return &Namespace{Name: "the test's own namespace", own: true} }

// String returns the namespace's name.
func (n *Namespace) String() string { return n.Name }

// Do runs f on a thread inside the namespace. Sockets that f opens stay inside. Goroutines that it starts are outside.
func (n *Namespace) Do(f func() error) error {
	if n.own {
		return f()
	}
	return namespace.Do(namespace.Named(n.Name), f)
}

// Start starts a command whose process runs inside the namespace.
func (n *Namespace) Start(command *exec.Cmd) error { return n.Do(command.Start) }

// Set writes a kernel setting of the namespace, by its name for sysctl.
func (n *Namespace) Set(t testing.TB, name, value string) {
	t.Helper()
	file := filepath.Join("/proc/sys", strings.ReplaceAll(name, ".", "/"))
	if err := n.Do(func() error { return os.WriteFile(file, []byte(value), 0) }); err != nil {
		t.Fatalf("setting %s in %s: %v", name, n.Name, err)
	}
}

// Sweep removes namespaces of test processes that no longer exist.
func Sweep(t testing.TB) {
	t.Helper()
	entries, err := os.ReadDir(namespace.Directory)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatalf("listing network namespaces left behind: %v", err)
	}
	for _, entry := range entries {
		owner, ok := owner(entry.Name())
		if !ok || syscall.Kill(owner, 0) == nil {
			continue
		}
		if err := namespace.Delete(entry.Name()); err != nil {
			t.Logf("Removing network namespace %s left behind failed: %v", entry.Name(), err)
		}
	}
}

// owner returns the process that created a namespace.
func owner(name string) (pid int, ok bool) {
	rest, ok := strings.CutPrefix(name, namespacePrefix)
	if !ok {
		return 0, false
	}
	number, _, _ := strings.Cut(rest, "-")
	pid, err := strconv.Atoi(number)
	return pid, err == nil
}
