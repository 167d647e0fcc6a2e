// Operator measures the operator with many pairs. Run it with --help.
package main

import (
	"context"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/internal/cli/program"
	"github.com/hapair-io/hapair/test/benchmark/internal/benchmarkflags"
	"github.com/hapair-io/hapair/test/benchmark/operator"
)

func main() { os.Exit(program.Run(newCommand())) }

func newCommand() *cobra.Command {
	o := operator.Options{Progress: os.Stdout}
	command := benchmarkflags.Command("bench-operator",
		"Measure the operator with many pairs",
		`The operator and an API server with etcd run as they are; kubelets and units are simulated. All of it is in a network
namespace that is removed afterwards. It needs root.`,
		func(ctx context.Context) error { return operator.Run(ctx, o) })
	flags := command.Flags()
	flags.IntSliceVar(&o.Pairs, "pairs", []int{1000, 5000}, "numbers of pairs to measure with, in turn")
	flags.DurationVar(&o.Rest, "rest", 10*time.Minute, "how long pairs at rest are watched")
	flags.DurationVar(&o.Renewal, "renewal", 12*time.Second, "how often each active unit renews its Lease")
	flags.IntVar(&o.Failovers, "failovers", 300, "number of single failovers")
	flags.IntVar(&o.Burst, "burst", 100, "number of failovers at once")
	flags.DurationVar(&o.Patience, "patience", 30*time.Minute, "bound of each wait")
	flags.StringVar(&o.Bin, "bin", benchmarkflags.Bin(), "folder of the programs")
	flags.StringVar(&o.Output, "output", benchmarkflags.Output("bench-operator"), "folder for results")
	benchmarkflags.AddQuick(command, "use few pairs for a short time", map[string]string{
		"pairs": "100", "rest": "20s", "failovers": "50", "renewal": "5s",
	})
	return command
}
