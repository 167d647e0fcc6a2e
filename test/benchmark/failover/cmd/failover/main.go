// Failover measures failovers of hapair and of keepalived with conntrackd. Run it with --help.
package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/internal/cli/program"
	"github.com/hapair-io/hapair/test/benchmark/failover"
	"github.com/hapair-io/hapair/test/benchmark/internal/benchmarkflags"
)

func main() { os.Exit(program.Run(newCommand())) }

func newCommand() *cobra.Command {
	o := failover.Options{Progress: os.Stdout}
	command := benchmarkflags.Command("bench-failover",
		"Measure what a user notices of a failover of hapair and of keepalived with conntrackd",
		`Both run in turns on the same network of namespaces. It needs root. On the machine it only changes the limits of
connection tracking, and restores them.`,
		func(ctx context.Context) error { return failover.Run(ctx, o) })
	bin := benchmarkflags.Bin()
	flags := command.Flags()
	flags.IntVar(&o.Runs, "runs", 20, "number of runs of each system with each setting")
	flags.StringSliceVar(&o.Scenarios, "scenarios", nil,
		"scenarios to run, or all if empty: "+strings.Join(failover.Names(), ", "))
	flags.StringVar(&o.Only, "only", "",
		"measure only what begins with this in the tables, such as hapair or keepalived; all if empty")
	flags.StringVar(&o.Sidecar, "sidecar", filepath.Join(bin, "sidecar"), "hapair's sidecar")
	flags.StringVar(&o.Assets, "assets", filepath.Join(bin, "kubernetes-assets"), "folder with etcd and kube-apiserver")
	flags.StringVar(&o.Output, "output", benchmarkflags.Output("bench-failover"),
		"folder for raw figures, the report, and logs of failed runs")
	flags.IntVar(&o.Flows, "flows", 500_000, "number of connections in scenarios with many connections")
	flags.DurationVar(&o.Away, "away", time.Minute, "how long the API server does not answer")
	flags.DurationVar(&o.Idle, "idle", time.Minute, "how long the writes of an idle pair are counted")
	flags.DurationVar(&o.Patience, "patience", time.Minute, "longest wait for a quiet machine before each run")
	flags.BoolVar(&o.Logs, "logs", false, "keep the logs of all runs, not only of failed ones")
	benchmarkflags.AddQuick(command, "check that everything works, with small and short runs by default",
		map[string]string{
			"runs": "1", "flows": "50000", "away": "10s", "idle": "15s", "patience": "5s",
		})
	return command
}
