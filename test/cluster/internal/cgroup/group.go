package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// emptyAfter is the interval between two checks whether a group is empty, because the kernel sends no notification.
const emptyAfter = 20 * time.Millisecond

// Create creates a group, such as "hapair-cluster/worker-1", in every hierarchy. It may exist already.
func Create(hierarchies []Hierarchy, group string) error {
	for _, h := range hierarchies {
		path := h.path("")
		for part := range strings.SplitSeq(group, "/") {
			parent := path
			path = filepath.Join(path, part)
			if err := createOne(h, parent, path); err != nil {
				return fmt.Errorf("creating control group %s: %w", path, err)
			}
		}
	}
	return nil
}

func createOne(h Hierarchy, parent, path string) error {
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if h.Unified() {
		return Delegate(parent)
	}
	// A new cpuset group has neither processors nor memory, and accepts no process until it has both.
	for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(parent, name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(path, name), value, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Delegate enables all controllers of a version 2 group for its children.
func Delegate(path string) error {
	controllers, err := os.ReadFile(filepath.Join(path, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for controller := range strings.FieldsSeq(string(controllers)) {
		if err := os.WriteFile(filepath.Join(path, "cgroup.subtree_control"), []byte("+"+controller), 0o644); err != nil {
			return fmt.Errorf("delegating controller %s: %w", controller, err)
		}
	}
	return nil
}

// SetWeight gives a group as much of contended processors as that many programs outside of it have. The kernel gives a
// new group as much as one.
func SetWeight(hierarchies []Hierarchy, group string, programs int) error {
	for _, h := range hierarchies {
		// The files of version 1 and 2, and what they contain for one program, see Documentation/admin-guide/cgroup-v2.rst.
		for name, one := range map[string]int{"cpu.shares": 1024, "cpu.weight": 100} {
			path := filepath.Join(h.path(group), name)
			if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err := os.WriteFile(path, []byte(strconv.Itoa(one*programs)), 0o644); err != nil {
				return fmt.Errorf("setting the weight of a control group: %w", err)
			}
		}
	}
	return nil
}

// Join moves the calling process, with all its threads, into a group.
func Join(hierarchies []Hierarchy, group string) error {
	for _, h := range hierarchies {
		path := filepath.Join(h.path(group), "cgroup.procs")
		if err := os.WriteFile(path, []byte("0"), 0o644); err != nil {
			return fmt.Errorf("joining control group: %w", err)
		}
	}
	return nil
}

// Processes returns the processes in a group and below it.
func Processes(hierarchies []Hierarchy, group string) ([]int, error) {
	var pids []int
	for _, h := range hierarchies {
		err := walk(h.path(group), func(dir string) error {
			found, err := processesIn(dir)
			pids = append(pids, found...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

func processesIn(dir string) ([]int, error) {
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil, nil // removed in the meantime
	}
	if err != nil {
		return nil, err
	}
	var pids []int
	for field := range strings.FieldsSeq(string(text)) {
		// A process outside the caller's pid namespace reads as 0.
		if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// Kill kills every process in a group and below it, except the caller, and waits until they have ended.
func Kill(ctx context.Context, hierarchies []Hierarchy, group string) error {
	for {
		pids, err := Processes(hierarchies, group)
		if err != nil {
			return err
		}
		pids = slices.DeleteFunc(pids, func(pid int) bool { return pid == os.Getpid() })
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			// The group was read a moment ago, and process IDs are not reused that fast.
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && err != unix.ESRCH {
				return fmt.Errorf("ending process %d of control group %s: %w", pid, group, err)
			}
		}
		if err := pause(ctx, emptyAfter); err != nil {
			return fmt.Errorf("waiting for processes %v of control group %s to end: %w", pids, group, err)
		}
	}
}

// Remove removes a group and everything below it. It waits for processes that are still ending.
func Remove(ctx context.Context, hierarchies []Hierarchy, group string) error {
	for _, h := range hierarchies {
		for {
			err := removeTree(h.path(group))
			if err == nil {
				break
			}
			if !errors.Is(err, unix.EBUSY) {
				return fmt.Errorf("removing control group: %w", err)
			}
			if pauseErr := pause(ctx, emptyAfter); pauseErr != nil {
				return fmt.Errorf("removing control group: %w", errors.Join(err, pauseErr))
			}
		}
	}
	return nil
}

// Paths returns the existing folders of a group.
func Paths(hierarchies []Hierarchy, group string) []string {
	var paths []string
	for _, h := range hierarchies {
		if _, err := os.Stat(h.path(group)); err == nil {
			paths = append(paths, h.path(group))
		}
	}
	return paths
}

func removeTree(root string) error {
	var dirs []string
	if err := walk(root, func(dir string) error { dirs = append(dirs, dir); return nil }); err != nil {
		return err
	}
	for _, dir := range slices.Backward(dirs) {
		if err := unix.Rmdir(dir); err != nil && err != unix.ENOENT {
			return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
		}
	}
	return nil
}

// walk visits a folder and everything below it, parents first. It skips what disappears meanwhile.
func walk(root string, visit func(dir string) error) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !entry.IsDir() {
			return err
		}
		return visit(path)
	})
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
