// Package routing is the command line of the first process in the container routing.
package routing

import (
	"github.com/go-logr/logr"
	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/internal/cli/daemons"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/frr"
	"github.com/hapair-io/hapair/internal/kernel/seccomp"
	"github.com/hapair-io/hapair/internal/localapi/client"
)

// NewCommand returns the command. Without a subcommand it runs the daemons.
func NewCommand() *cobra.Command {
	config := frr.Config{ProbeTimeout: daemons.ProbeTimeout}
	var (
		socket  string
		isAlone bool
	)
	const short = "Run the routing daemons of a unit"
	cmd := daemons.NewCommand("routing", short, func(log logr.Logger) (daemons.Program, error) {
		// Debian's FRR wants to have CAP_SYS_ADMIN, and ends if it cannot give that to itself. It does not use it.
		if err := seccomp.IgnoreCapset(); err != nil {
			return nil, err
		}
		config.Log = log
		if !isAlone {
			config.Roles = client.New(client.Config{Socket: socket, Log: log.WithName("role")}).FollowRole
		}
		return frr.NewKeeper(config)
	})
	flags := cmd.Flags()
	flags.StringVar(&config.DocumentFile, "config", contract.FirewallFile, "path of the firewall's document")
	flags.StringVar(&config.SecretDirectory, "secret", contract.RoutingSecretDirectory,
		"directory with one file for each entry of the Secret")
	flags.StringVar(&socket, "state-socket", contract.ProviderSocket,
		"socket at which the sidecar reports the unit's role")
	flags.BoolVar(&isAlone, "alone", false, "the unit is always active; without it, the sidecar of the pod is asked")
	return cmd
}
