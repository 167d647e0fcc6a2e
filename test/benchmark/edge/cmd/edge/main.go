// Edge measures how fast a unit puts back what somebody takes away from it. Run it with --help.
package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/internal/cli/program"
	"github.com/hapair-io/hapair/test/benchmark/edge"
	"github.com/hapair-io/hapair/test/benchmark/internal/benchmarkflags"
	"github.com/hapair-io/hapair/test/namespace"
)

func main() { os.Exit(program.Run(newCommand())) }

func newCommand() *cobra.Command {
	o := edge.Options{Progress: os.Stdout}
	command := benchmarkflags.Command("bench-edge",
		"Measure how fast a unit puts back what somebody takes away from it",
		`It runs in a network namespace of its own, which ends with it. It needs root.`,
		func(ctx context.Context) error {
			namespace.Alone()
			return edge.Run(ctx, o)
		})
	command.Flags().IntVar(&o.Times, "times", 100, "how often each damage is done")
	return command
}
