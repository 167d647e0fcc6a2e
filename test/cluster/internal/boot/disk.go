package boot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// These are the folders of a node's own data. /run is lost with the power.
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

// mountOverlays lets the node write below /etc and /var without changing the machine. The cluster's state and the
// node's disk are reached through mounts that were created before, because an overlay would copy what is written there.
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

// mountDisk mounts the disk's folders where programs expect them. They are not part of the overlay: a container's root
// is an overlay, and overlays cannot be stacked.
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
