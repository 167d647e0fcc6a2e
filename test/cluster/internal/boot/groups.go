package boot

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/cluster/internal/cgroup"
)

// mountGroups mounts the control groups again. In the node's namespace its own group is the root of each.
func mountGroups(spec Spec) error {
	for _, h := range spec.Hierarchies {
		if h.Unified() {
			return mountUnifiedGroup(h)
		}
	}
	if err := unix.Mount("tmpfs", "/sys/fs/cgroup", "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	for _, h := range spec.Hierarchies {
		if err := mountAt("cgroup", h.Mount, "cgroup", 0, h.Options); err != nil {
			return err
		}
		// Controllers that share a hierarchy are also found by the name of each.
		for name := range strings.SplitSeq(filepath.Base(h.Mount), ",") {
			link := filepath.Join(filepath.Dir(h.Mount), name)
			if link == h.Mount {
				continue
			}
			if err := os.Symlink(filepath.Base(h.Mount), link); err != nil && !errors.Is(err, os.ErrExist) {
				return err
			}
		}
	}
	return nil
}

// mountUnifiedGroup mounts version 2. A group with processes cannot delegate controllers to its children, so PID 1
// moves into a child.
func mountUnifiedGroup(h cgroup.Hierarchy) error {
	if err := mountAt("cgroup2", h.Mount, "cgroup2", 0, ""); err != nil {
		return err
	}
	aside := filepath.Join(h.Mount, "node-init")
	if err := os.MkdirAll(aside, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(aside, "cgroup.procs"), []byte("0"), 0o644); err != nil {
		return err
	}
	return cgroup.Delegate(h.Mount)
}
