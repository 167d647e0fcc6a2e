// Package vpn is the command line of the first process in the container vpn.
package vpn

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/internal/cli/daemons"
	"github.com/hapair-io/hapair/internal/supervisor"
	"github.com/hapair-io/hapair/internal/vpn"
)

// NewCommand returns the command. Without a subcommand it runs charon.
func NewCommand() *cobra.Command {
	esp := string(vpn.KernelESP)
	cmd := daemons.NewCommand("vpn", "Run the IKE daemon of a unit", func() ([]supervisor.Daemon, error) {
		parsed, err := vpn.ParseESP(esp)
		if err != nil {
			return nil, fmt.Errorf("--esp: %w", err)
		}
		return []supervisor.Daemon{vpn.Charon(vpn.Settings{ESP: parsed})}, nil
	})
	cmd.Flags().StringVar(&esp, "esp", esp,
		"who encrypts packets: kernel, or userspace where the node's kernel has no ESP (needs /dev/net/tun)")
	return cmd
}
