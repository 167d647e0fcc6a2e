// Package vpn is the command line of the first process in the container vpn.
package vpn

import (
	"fmt"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/internal/cli/daemons"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/localapi/client"
	"github.com/hapair-io/hapair/internal/supervisor"
	"github.com/hapair-io/hapair/internal/vpn"
)

// automatic is the value of --esp with which the program tries who can encrypt packets.
const automatic = "auto"

// NewCommand returns the command. Without a subcommand it runs charon.
func NewCommand() *cobra.Command {
	var (
		config  vpn.Config
		socket  string
		esp     string
		isAlone bool
	)
	cmd := daemons.NewCommand("vpn", "Run the IKE daemon of a unit", func(log logr.Logger) (daemons.Program, error) {
		chosen, err := choose(esp, log)
		if err != nil {
			return nil, fmt.Errorf("--esp: %w", err)
		}
		config.ESP, config.Log = chosen, log
		if !isAlone {
			config.Roles = client.New(client.Config{Socket: socket, Log: log.WithName("role")}).FollowRole
		}
		keeper, err := vpn.NewKeeper(config)
		if err != nil {
			return nil, err
		}
		return daemons.Supervise([]supervisor.Daemon{vpn.Charon(keeper)}, log), nil
	})
	flags := cmd.Flags()
	flags.StringVar(&esp, "esp", automatic,
		"who encrypts packets: kernel, userspace (needs /dev/net/tun), or auto: the kernel if it can")
	flags.StringVar(&config.DocumentFile, "config", contract.FirewallFile, "path of the firewall's document")
	flags.StringVar(&config.SecretDirectory, "secret", contract.VPNSecretDirectory,
		"directory with one file for each entry of the Secret")
	flags.StringVar(&socket, "state-socket", contract.ProviderSocket,
		"socket at which the sidecar reports the unit's role")
	flags.BoolVar(&isAlone, "alone", false, "the unit is always active; without it, the sidecar of the pod is asked")
	return cmd
}

func choose(esp string, log logr.Logger) (vpn.ESP, error) {
	if esp == automatic {
		return vpn.ChooseESP(log)
	}
	return vpn.ParseESP(esp)
}
