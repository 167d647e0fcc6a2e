package boot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Where a node keeps its own things. /run is the node's, and gone with its power.
const (
	stageDir = "/run/node" // places through which folders are reached that something else covers
	overlays = stageDir + "/overlay"
)

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

// mountOverlays lets the node write below /etc and /var without a trace on the machine. The cluster's state and the
// node's disk are reached through stages that were set up before: an overlay would copy what is written there.
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
