// Gate measures the cost of an open gate for the packets that a unit forwards. Run it with --help.
package main

import (
	"context"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/internal/cli/program"
	"github.com/hapair-io/hapair/test/benchmark/gate"
	"github.com/hapair-io/hapair/test/benchmark/internal/benchmarkflags"
)

func main() { os.Exit(program.Run(newCommand())) }

func newCommand() *cobra.Command {
	o := gate.Options{Progress: os.Stdout}
	command := benchmarkflags.Command("bench-gate",
		"Measure the cost of an open gate for the packets that a unit forwards",
		`Packets go in turns through a router without a gate and one with a gate, in network namespaces that are removed
afterwards. It needs root.`,
		func(ctx context.Context) error { return gate.Run(ctx, o) })
	flags := command.Flags()
	flags.BoolVar(&o.DataPlane, "data-plane", false,
		"compare source validation and the second routing table, instead of the gate, with neither")
	flags.IntVar(&o.Rounds, "rounds", 8, "number of rounds of each measurement")
	flags.DurationVar(&o.Datagrams, "datagrams", 4*time.Second, "how long small datagrams are sent in a round")
	flags.DurationVar(&o.Stream, "stream", time.Second, "length of one iperf3 stream")
	flags.IntVar(&o.Streams, "streams", 3, "number of streams through each router in a round")
	flags.DurationVar(&o.Patience, "patience", 30*time.Second, "longest wait for a quiet machine before each round")
	return command
}
