package network

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hapair-io/hapair/test/namespace"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// namespaceDir is where named network namespaces are mounted, so that `ip netns` knows them too.
const namespaceDir = "/run/netns"

// NamespacePath is the file on which a named network namespace is mounted.
func NamespacePath(name string) string { return filepath.Join(namespaceDir, name) }

// NamespaceExists reports whether a network namespace has that name. A file alone, left by a process that was killed
// before it could mount the namespace there, is none.
func NamespaceExists(name string) bool {
	var stat unix.Statfs_t
	return unix.Statfs(NamespacePath(name), &stat) == nil && stat.Type == unix.NSFS_MAGIC
}

// CreateNamespace makes a named network namespace.
func CreateNamespace(name string) error {
	if NamespaceExists(name) {
		return nil
	}
	if err := os.Remove(NamespacePath(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("clearing the place of network namespace %s: %w", name, err)
	}
	return namespace.OnThread(func() error {
		handle, err := netns.NewNamed(name)
		if err != nil {
			return fmt.Errorf("creating network namespace %s: %w", name, err)
		}
		return handle.Close()
	})
}

// DeleteNamespace takes a namespace's name away. The namespace itself goes with the last process in it.
func DeleteNamespace(name string) error {
	path := NamespacePath(name)
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && err != unix.EINVAL && err != unix.ENOENT {
		return fmt.Errorf("unmounting network namespace %s: %w", name, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing network namespace %s: %w", name, err)
	}
	return nil
}

// Within runs act in a named network namespace: sockets that it opens and processes that it starts belong there.
// Goroutines that act starts do not.
func Within(name string, act func() error) error { return namespace.Do(NamespacePath(name), act) }

// withLinks opens a netlink handle inside a namespace for act.
func withLinks(name string, act func(*netlink.Handle) error) error {
	ns, err := netns.GetFromName(name)
	if err != nil {
		return fmt.Errorf("opening network namespace %s: %w", name, err)
	}
	defer func() { _ = ns.Close() }()
	handle, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("opening netlink in network namespace %s: %w", name, err)
	}
	defer handle.Close()
	return act(handle)
}
