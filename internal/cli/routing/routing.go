// Package routing is the command line of the first process in the container routing.
package routing

import (
	"github.com/go-logr/logr"
	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/internal/cli/daemons"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/frr"
	"github.com/hapair-io/hapair/internal/kernel/seccomp"
)

// NewCommand returns the command. Without a subcommand it runs the daemons.
func NewCommand() *cobra.Command {
	var unit daemons.UnitFlags
	const short = "Run the routing daemons of a unit"
	cmd := daemons.NewCommand("routing", short, func(log logr.Logger) (daemons.Program, error) {
		// Debian's FRR wants to have CAP_SYS_ADMIN, and ends if it cannot give that to itself. It does not use it.
		if err := seccomp.IgnoreCapset(); err != nil {
			return nil, err
		}
		return frr.NewKeeper(frr.Config{
			DocumentFile: unit.DocumentFile, SecretDirectory: unit.SecretDirectory, Roles: unit.Roles(log),
			ProbeTimeout: daemons.ProbeTimeout, Log: log,
		})
	})
	unit.AddTo(cmd.Flags(), contract.RoutingSecretDirectory)
	return cmd
}
