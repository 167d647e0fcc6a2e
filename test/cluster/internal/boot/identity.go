package boot

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// hideSettings protects the machine's kernel settings. The kubelet requires six values, which it finds in the node's
// own files. Everything else below these folders is read-only. /proc/sys/net belongs to the node anyway.
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

// writeIdentity gives the node its identifiers, and this start of it a new boot ID.
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

// cover mounts one of the node's own files over one of the kernel's.
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
