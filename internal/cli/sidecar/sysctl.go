package sidecar

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// forwardingFile is net.ipv6.conf.all.forwarding: the one setting of a unit that has no netlink message.
const forwardingFile = "/proc/sys/net/ipv6/conf/all/forwarding"

// newSysctlCommand returns the command that the unit's init container runs.
func newSysctlCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "sysctl",
		Short: "Switch IPv6 forwarding on in the pod's network namespace (needs a writable /proc/sys)",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return enableForwarding(forwardingFile) },
	}
}

func enableForwarding(file string) error {
	err := os.WriteFile(file, []byte("1\n"), 0o644)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("switching IPv6 forwarding on: %w; /proc/sys is writable only in a privileged container: "+
			"run this as the pod's privileged init container", err)
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("switching IPv6 forwarding on: %w; this node has no IPv6: "+
			"take the IPv6 virtual addresses out of the pair", err)
	default:
		return fmt.Errorf("switching IPv6 forwarding on: %w", err)
	}
}
