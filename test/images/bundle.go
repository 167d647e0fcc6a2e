package images

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// Bundle describes a container to runc.
type Bundle struct {
	// Archive is the image, and Command what runs in it.
	Archive string
	Command []string
	// Capabilities are those of the container, without the prefix CAP_.
	Capabilities []string
	// Network is the path of its network namespace.
	Network string
	// HasTUN gives the container /dev/net/tun.
	HasTUN bool
	// Files are further files in the root, by their path.
	Files map[string]string
}

// Write writes the bundle to a directory. The root is read-only, as it is in a pod.
func (b Bundle) Write(dir string) error {
	root := filepath.Join(dir, "rootfs")
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	if err := Unpack(b.Archive, root); err != nil {
		return err
	}
	for name, text := range b.Files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	var capabilities []string
	for _, c := range b.Capabilities {
		capabilities = append(capabilities, "CAP_"+c)
	}
	type object = map[string]any
	tmpfs := func(at string) object {
		return object{"destination": at, "type": "tmpfs", "source": "tmpfs", "options": []string{"nosuid", "mode=755"}}
	}
	devices, rules := []object{}, []object{{"allow": false, "access": "rwm"}}
	if b.HasTUN {
		devices = append(devices, object{"path": "/dev/net/tun", "type": "c", "major": 10, "minor": 200, "fileMode": 0o600})
		rules = append(rules, object{"allow": true, "type": "c", "major": 10, "minor": 200, "access": "rw"})
	}
	text, err := json.MarshalIndent(object{
		"ociVersion": "1.0.2",
		"root":       object{"path": "rootfs", "readonly": true},
		"process": object{
			"args": b.Command, "cwd": "/", "noNewPrivileges": true,
			"user": object{"uid": 0, "gid": 0},
			"capabilities": object{
				"bounding": capabilities, "effective": capabilities, "permitted": capabilities,
			},
		},
		"mounts": []object{
			{"destination": "/proc", "type": "proc", "source": "proc"},
			tmpfs("/dev"), tmpfs("/run"), tmpfs("/tmp"),
		},
		"linux": object{
			"devices": devices, "resources": object{"devices": rules},
			"namespaces": []object{
				{"type": "pid"},
				{"type": "mount"},
				{"type": "ipc"},
				{"type": "uts"},
				{"type": "network", "path": b.Network},
			},
		},
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644)
}
