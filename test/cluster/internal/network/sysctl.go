package network

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hapair-io/hapair/test/namespace"
)

// setting is one file under /proc/sys/net and its value.
type setting struct {
	path     string
	value    string
	optional bool // part of the kernel that may be missing
}

// apply writes settings within a namespace. The machine's own settings stay unchanged.
func apply(in string, settings ...setting) error {
	return namespace.Do(namespace.Named(in), func() error {
		for _, s := range settings {
			err := os.WriteFile(filepath.Join("/proc/sys/net", s.path), []byte(s.value), 0o644)
			if s.optional && errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return fmt.Errorf("setting net/%s=%s in network namespace %s: %w", s.path, s.value, in, err)
			}
		}
		return nil
	})
}

// bridgeFilter returns the settings that pass the frames of this namespace's bridges to iptables, or not.
func bridgeFilter(value string) []setting {
	return []setting{
		{path: "bridge/bridge-nf-call-iptables", value: value, optional: true},
		{path: "bridge/bridge-nf-call-ip6tables", value: value, optional: true},
		{path: "bridge/bridge-nf-call-arptables", value: value, optional: true},
	}
}
