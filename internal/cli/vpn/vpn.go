// Package vpn is the command line of the first process in the container vpn.
package vpn

import (
	"fmt"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/internal/cli/daemons"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/supervisor"
	"github.com/hapair-io/hapair/internal/vpn"
)

// automatic is the value of --esp with which the program tries who can encrypt packets.
const automatic = "auto"

// NewCommand returns the command. Without a subcommand it runs charon.
func NewCommand() *cobra.Command {
	var (
		unit daemons.UnitFlags
		esp  string
	)
	cmd := daemons.NewCommand("vpn", "Run the IKE daemon of a unit", func(log logr.Logger) (daemons.Program, error) {
		chosen, err := choose(esp, log)
		if err != nil {
			return nil, fmt.Errorf("--esp: %w", err)
		}
		keeper, err := vpn.NewKeeper(vpn.Config{
			ESP: chosen, DocumentFile: unit.DocumentFile, SecretDirectory: unit.SecretDirectory, Roles: unit.Roles(log),
			Log: log,
		})
		if err != nil {
			return nil, err
		}
		return daemons.Supervise([]supervisor.Daemon{vpn.Charon(keeper)}, log), nil
	})
	cmd.Flags().StringVar(&esp, "esp", automatic,
		"who encrypts packets: kernel, userspace (needs /dev/net/tun), or auto: the kernel if it can")
	unit.AddTo(cmd.Flags(), contract.VPNSecretDirectory)
	return cmd
}

func choose(esp string, log logr.Logger) (vpn.ESP, error) {
	if esp == automatic {
		return vpn.ChooseESP(log)
	}
	return vpn.ParseESP(esp)
}
