package boot

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// mountAll replaces the machine's file systems by the node's. The order matters, see each step.
func mountAll(spec Spec) error {
	steps := []struct {
		what string
		do   func(Spec) error
	}{
		{"separating the mounts from the machine's", partMounts},
		{"releasing the networks of other hosts", dropNamespaces},
		{"mounting /proc and /sys", mountKernel},
		{"mounting control groups", mountGroups},
		{"mounting /run", mountRun},
		{"mounting the node's own /etc and /var over the machine's", mountOverlays},
		{"mounting the node's disk", mountDisk},
		{"hiding the machine's settings", hideSettings},
		{"giving the node an identity", writeIdentity},
	}
	for _, step := range steps {
		if err := step.do(spec); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

// partMounts separates the node's mounts from the machine's, and shares them within the node, so that volumes of pods
// propagate.
func partMounts(Spec) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "")
}

// dropNamespaces unmounts the copies of named network namespaces. Each copy would keep the namespace of another host
// alive for as long as this node runs.
func dropNamespaces(Spec) error {
	mounts, err := mountsBelow("/run/netns", "/var/run/netns")
	if err != nil {
		return err
	}
	for _, mount := range slices.Backward(mounts) {
		if err := unix.Unmount(mount, unix.MNT_DETACH); err != nil && err != unix.EINVAL {
			return fmt.Errorf("%s: %w", mount, err)
		}
	}
	return nil
}

func mountKernel(Spec) error {
	return errors.Join(unix.Mount("proc", "/proc", "proc", 0, ""), unix.Mount("sysfs", "/sys", "sysfs", 0, ""))
}

// mountAt creates the mount point and mounts there.
func mountAt(source, target, kind string, flags uintptr, options string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(source, target, kind, flags, options); err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	return nil
}

// mountsBelow lists the mounts at or below some folders, in the order of mounting.
func mountsBelow(roots ...string) ([]string, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var mounts []string
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		fields := strings.Fields(scanner.Text())
		if len(fields) < 5 {
			continue
		}
		for _, root := range roots {
			if fields[4] == root || strings.HasPrefix(fields[4], root+"/") {
				mounts = append(mounts, fields[4])
			}
		}
	}
	return mounts, scanner.Err()
}
