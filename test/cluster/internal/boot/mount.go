package boot

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/cluster/internal/cgroup"
)

// Where a node keeps its own things. /run is the node's, and gone with its power.
const (
	stageDir = "/run/node" // places through which folders are reached that something else covers
	overlays = stageDir + "/overlay"
)

// mountAll turns the machine's file systems into a node's. The order matters: see each step.
func mountAll(spec Spec) error {
	steps := []struct {
		what string
		do   func(Spec) error
	}{
		{"parting from the machine's mounts", partMounts},
		{"letting go of other hosts' networks", dropNamespaces},
		{"mounting /proc and /sys", mountKernel},
		{"mounting control groups", mountGroups},
		{"mounting /run", mountRun},
		{"laying the node's own /etc and /var over the machine's", mountOverlays},
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

// partMounts makes the node's mounts its own, and shared within it: volumes of pods are to propagate.
func partMounts(Spec) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "")
}

// dropNamespaces unmounts the copies of named network namespaces. Each would keep its namespace alive for as long as
// this node runs, though its host be switched off.
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

// mountGroups mounts the control groups anew: in the node's namespace its own group is the root of each.
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
		// Controllers that share a hierarchy are found by the name of each, too.
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

// mountUnifiedGroup serves version 2, where a group that has processes cannot hand controllers to its children: PID 1
// moves aside.
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

func mountRun(Spec) error {
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	for _, dir := range []string{"/run/lock", "/run/netns", overlays} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// mountOverlays lets the node write below /etc and /var without a trace on the machine. The cluster's state and the node's
// disk are reached through stages that were set up before: an overlay would copy what is written there.
func mountOverlays(spec Spec) error {
	stages := map[string]string{"state": spec.State, "disk": spec.Disk}
	for name, source := range stages {
		if err := mountAt(source, filepath.Join(stageDir, name), "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	for _, dir := range []string{"/etc", "/var"} {
		upper, work := overlays+dir+"/upper", overlays+dir+"/work"
		if err := errors.Join(os.MkdirAll(upper, 0o755), os.MkdirAll(work, 0o755)); err != nil {
			return err
		}
		options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", dir, upper, work)
		if err := mountAt("overlay", dir, "overlay", 0, options); err != nil {
			return err
		}
	}
	return mountAt(filepath.Join(stageDir, "state"), spec.State, "", unix.MS_BIND, "")
}

// mountDisk puts the disk's folders where programs look for them. They are no part of the overlay: a container's root
// is itself an overlay, and those cannot be stacked.
func mountDisk(Spec) error {
	for _, dir := range []string{"/var/lib/kubelet", "/var/lib/containerd", "/var/lib/cni", "/var/lib/etcd", "/var/log"} {
		source := filepath.Join(stageDir, "disk", dir)
		if err := os.MkdirAll(source, 0o755); err != nil {
			return err
		}
		if err := mountAt(source, dir, "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	return nil
}

// hideSettings keeps the machine's kernel settings as they are. The kubelet insists on six values: it finds them in
// files of the node's own. All else below these folders cannot be written; /proc/sys/net belongs to the node anyway.
func hideSettings(Spec) error {
	settings := map[string]string{
		"vm/overcommit_memory":      "1",
		"vm/panic_on_oom":           "0",
		"kernel/panic":              "10",
		"kernel/panic_on_oops":      "1",
		"kernel/keys/root_maxkeys":  "1000000",
		"kernel/keys/root_maxbytes": "25000000",
	}
	for _, dir := range []string{"/proc/sys/kernel", "/proc/sys/vm", "/proc/sys/fs"} {
		if err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
			return err
		}
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
			return err
		}
	}
	for path, value := range settings {
		if err := cover(filepath.Join("/proc/sys", path), value); err != nil {
			return err
		}
	}
	return nil
}

// writeIdentity tells this node from the others and this start of it from the last.
func writeIdentity(spec Spec) error {
	boot, err := os.ReadFile("/proc/sys/kernel/random/uuid") // a fresh one at each reading
	if err != nil {
		return err
	}
	if err := cover("/proc/sys/kernel/random/boot_id", string(boot)); err != nil {
		return err
	}
	machine, err := lastingMachineID(filepath.Join(stageDir, "disk", "machine-id"), string(boot))
	if err != nil {
		return err
	}
	if err := os.WriteFile("/etc/machine-id", machine, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile("/etc/hostname", []byte(spec.Hostname+"\n"), 0o644); err != nil {
		return err
	}
	// The machine's name servers cannot be reached from here.
	return os.WriteFile("/etc/resolv.conf", nil, 0o644)
}

func lastingMachineID(path, uuid string) ([]byte, error) {
	if present, err := os.ReadFile(path); err == nil && len(present) > 0 {
		return present, nil
	}
	id := []byte(strings.ReplaceAll(uuid, "-", ""))
	return id, os.WriteFile(path, id, 0o644)
}

// cover mounts a file of the node's own over one of the kernel's.
func cover(path, value string) error {
	own := filepath.Join(stageDir, "cover", path)
	if err := os.MkdirAll(filepath.Dir(own), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(own, []byte(strings.TrimSpace(value)+"\n"), 0o644); err != nil {
		return err
	}
	if err := unix.Mount(own, path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// mountAt makes the place and mounts there.
func mountAt(source, target, kind string, flags uintptr, options string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(source, target, kind, flags, options); err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	return nil
}

// mountsBelow lists what is mounted at or below some folders, in the order of mounting.
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
