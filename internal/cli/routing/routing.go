// Package routing is the command line of the first process in the container routing.
package routing

import (
	"fmt"
	"strings"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/internal/cli/daemons"
	"github.com/hapair-io/hapair/internal/frr"
	"github.com/hapair-io/hapair/internal/supervisor"
)

// NewCommand returns the command. Without a subcommand it runs the daemons.
func NewCommand() *cobra.Command {
	var protocols []string
	const short = "Run the routing daemons of a unit"
	cmd := daemons.NewCommand("routing", short, func(logr.Logger) ([]supervisor.Daemon, error) {
		list, err := frr.Daemons(protocols)
		if err != nil {
			return nil, fmt.Errorf("--protocols: %w", err)
		}
		return list, nil
	})
	cmd.Flags().StringSliceVar(&protocols, "protocols", nil,
		"routing protocols to run: "+strings.Join(frr.Protocols(), ", "))
	return cmd
}
