// Failover measures failovers on a real cluster on this machine. Run it with --help.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/internal/cli/program"
	"github.com/hapair-io/hapair/test/benchmark/cluster"
	"github.com/hapair-io/hapair/test/benchmark/internal/benchmarkflags"
)

func main() { os.Exit(program.Run(newCommand())) }

func newCommand() *cobra.Command {
	o := cluster.Options{Out: os.Stdout}
	command := benchmarkflags.Command("bench-failover-cluster",
		"Measure what a user of the sample pair notices of a failover, on a real cluster on this machine",
		`It starts a cluster, or uses a running one, and leaves it up: "cluster down" removes it. In turns it cuts the power
of the active's node and deletes the active's pod, while a stream and a connection run through the pair. It needs root.
Each pair of runs takes about half a minute.`,
		func(ctx context.Context) error {
			if o.Runs < 1 || len(o.Intervals) == 0 {
				return fmt.Errorf("%d runs with heartbeats of %v measure nothing", o.Runs, o.Intervals)
			}
			return cluster.Run(ctx, o)
		})
	command.Flags().IntVar(&o.Runs, "runs", 20, "number of runs of each event with each interval")
	command.Flags().StringSliceVar(&o.Events, "events", nil, "power-off, switchover, or both if empty")
	command.Flags().IntSliceVar(&o.Intervals, "heartbeats", []int{100},
		"heartbeat intervals of the pair, in milliseconds")
	return command
}
