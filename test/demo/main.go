// Demo shows the main feature of hapair on a real cluster on this machine: one TCP connection survives the loss of its
// firewall. It deletes the active's pod, and then cuts the power of the active's node. In a control run replication is
// off, and the connection must break.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "demo",
		Short:         "Show on a real cluster that a connection survives the loss of its firewall",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(&cobra.Command{
		Use:   "run",
		Short: "Boot the cluster, install the operator, run the demo and print its report; leaves the cluster running",
		Long: "Boot the cluster (or use a running one), install the operator with the Helm chart, apply config/samples,\n" +
			"and run three scenarios: switchover, loss of power, and a control run without replication.\n" +
			"Exits non-zero if a connection broke that should have survived, or survived where it should break.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), cmd.OutOrStdout()) },
	})
	return root
}
