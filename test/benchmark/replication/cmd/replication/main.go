// Replication measures the replication of connections by hapair and by conntrackd. Run it with --help.
package main

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/internal/cli/program"
	"github.com/hapair-io/hapair/test/benchmark/internal/benchmarkflags"
	"github.com/hapair-io/hapair/test/benchmark/replication"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

func main() {
	pair.Serve()
	os.Exit(program.Run(newCommand()))
}

func newCommand() *cobra.Command {
	o := replication.Options{Progress: os.Stdout}
	command := benchmarkflags.Command("bench-replication",
		"Compare how hapair and conntrackd replicate connections to the standby",
		`conntrackd runs with a cache, and with direct injection. All run in turn on the same network of namespaces. The
benchmark needs root. It changes only the limits of the machine's connection tracking table, and restores them.`,
		func(ctx context.Context) error { return replication.Run(ctx, o) })
	flags := command.Flags()
	flags.IntVar(&o.Rounds, "rounds", 5, "number of measurements of each system in each scenario")
	flags.StringSliceVar(&o.Scenarios, "scenarios", nil,
		"scenarios to run; all if empty: "+strings.Join(replication.Names(), ", "))
	flags.StringSliceVar(&o.Systems, "systems", nil,
		"systems to measure; all if empty: "+strings.Join(replication.Systems(), ", "))
	flags.IntSliceVar(&o.Rates, "rates", []int{1_000, 10_000, 30_000}, "connections per second")
	flags.DurationVar(&o.Tick, "tick", 5*time.Millisecond,
		"time between two creations of connections; 100us lets them come nearly one by one")
	flags.DurationVar(&o.Lasting, "lasting", 8*time.Second, "how long connections are created")
	flags.DurationVar(&o.Idle, "idle", 3*time.Second, "how long an idle system is measured")
	flags.DurationVar(&o.Fault, "fault", 10*time.Second, "how long a fault lasts")
	flags.DurationVar(&o.Flood, "flood", 30*time.Second, "how long there are too many new connections")
	flags.IntVar(&o.Flows, "flows", 1_000_000, "number of connections in a full table")
	flags.StringVar(&o.Output, "output",
		benchmarkflags.Output("bench-replication"),
		"directory for samples and the report")
	benchmarkflags.AddQuick(command, "check that everything works: one short round, unless other flags are set",
		map[string]string{
			"rounds": "1", "lasting": "2s", "idle": "1s", "flows": "50000", "flood": "10s",
		})
	return command
}
