// Demo shows the main job of hapair on a real cluster on this machine: one TCP connection that outlives its firewall,
// once when the active's pod is deleted and once when its node loses its power; and, as a control, the same with
// replication switched off, where the connection must break.
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
		Short:         "Show one connection outlive its firewall, on a real cluster on this machine",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(&cobra.Command{
		Use:   "run",
		Short: "Boot the cluster, install the operator, play the story and print the report; leaves the cluster up",
		Long: "Boot the cluster (or use the one that runs), install the operator with the Helm chart, apply\n" +
			"config/samples, and play the story three times: switchover, loss of power, and a control run without\n" +
			"replication. Exits non-zero if a connection broke that should have survived, or the other way round.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), cmd.OutOrStdout()) },
	})
	return root
}
