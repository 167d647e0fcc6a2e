package namespace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Exists reports whether a named network namespace exists. A file without a mounted namespace does not count. A process
// that was killed at the wrong moment may have left one.
func Exists(name string) bool {
	var stat unix.Statfs_t
	return unix.Statfs(Named(name), &stat) == nil && stat.Type == unix.NSFS_MAGIC
}

// Create creates a named network namespace unless it exists.
func Create(name string) error {
	if Exists(name) {
		return nil
	}
	if err := os.Remove(Named(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the file left for network namespace %s: %w", name, err)
	}
	return OnThread(func() error {
		handle, err := netns.NewNamed(name)
		if err != nil {
			return fmt.Errorf("creating network namespace %s: %w", name, err)
		}
		return handle.Close()
	})
}

// Delete removes the name of a namespace. The namespace itself ends with the last process in it.
func Delete(name string) error {
	if err := unix.Unmount(Named(name), unix.MNT_DETACH); err != nil && err != unix.EINVAL && err != unix.ENOENT {
		return fmt.Errorf("unmounting network namespace %s: %w", name, err)
	}
	if err := os.Remove(Named(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing network namespace %s: %w", name, err)
	}
	return nil
}
