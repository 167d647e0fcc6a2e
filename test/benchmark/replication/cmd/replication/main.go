// Replication measures replication of connections by hapair beside that of conntrackd. Run it with --help.
package main

import (
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
	quick := false
	command := &cobra.Command{
		Use:   "bench-replication",
		Short: "Measure how connections reach the standby: hapair beside conntrackd",
		Long: `Measure how connections reach the standby: hapair beside conntrackd, with a cache and with direct injection.

They run on the same network of namespaces, in turns. It needs root, and changes nothing of the machine but the limits
of its connection tracking table, which it restores.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if quick {
				benchmarkflags.Hurry(command, map[string]string{
					"rounds": "1", "lasting": "2s", "idle": "1s", "flows": "50000", "flood": "10s",
				})
			}
			return replication.Run(command.Context(), o)
		},
	}
	flags := command.Flags()
	flags.IntVar(&o.Rounds, "rounds", 5, "how often each system is measured in each scenario")
	flags.StringSliceVar(&o.Scenarios, "scenarios", nil,
		"which scenarios to run; all when empty: "+strings.Join(replication.Names(), ", "))
	flags.StringSliceVar(&o.Systems, "systems", nil,
		"which systems to measure; all when empty: "+strings.Join(replication.Systems(), ", "))
	flags.IntSliceVar(&o.Rates, "rates", []int{1_000, 10_000, 30_000}, "how many connections are made a second")
	flags.DurationVar(&o.Lasting, "lasting", 8*time.Second, "for how long they are made")
	flags.DurationVar(&o.Idle, "idle", 3*time.Second, "for how long an idle system is looked at")
	flags.DurationVar(&o.Fault, "fault", 10*time.Second, "how long a fault lasts")
	flags.DurationVar(&o.Flood, "flood", 30*time.Second, "how long there are too many new connections")
	flags.IntVar(&o.Flows, "flows", 1_000_000, "how many connections an empty standby is filled with")
	flags.StringVar(&o.Output, "output",
		benchmarkflags.Output("bench-replication"),
		"folder for raw figures and the report")
	flags.BoolVar(&quick, "quick", false, "see that all of it works: one short round, unless flags say otherwise")
	return command
}
