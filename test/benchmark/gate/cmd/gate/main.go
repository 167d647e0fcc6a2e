// Gate measures what an open gate costs the packets that a unit forwards. Run it with --help.
package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/internal/cli/program"
	"github.com/hapair-io/hapair/test/benchmark/gate"
)

func main() { os.Exit(program.Run(newCommand())) }

func newCommand() *cobra.Command {
	o := gate.Options{Progress: os.Stdout}
	command := &cobra.Command{
		Use:   "bench-gate",
		Short: "Measure what an open gate costs the packets that a unit forwards",
		Long: `Measure what an open gate costs the packets that a unit forwards.

Packets go through a router without a gate and one with it in turns, in network namespaces that are removed afterwards.
It needs root.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return gate.Run(command.Context(), o) },
	}
	flags := command.Flags()
	flags.IntVar(&o.Rounds, "rounds", 8, "how often each thing is measured")
	flags.DurationVar(&o.Datagrams, "datagrams", 4*time.Second, "for how long small datagrams are sent in a round")
	flags.DurationVar(&o.Stream, "stream", time.Second, "how long one stream of iperf3 lasts")
	flags.IntVar(&o.Streams, "streams", 3, "how many streams each router gets in a round")
	flags.DurationVar(&o.Patience, "patience", 30*time.Second, "how long to wait for a quiet machine before each round")
	return command
}
