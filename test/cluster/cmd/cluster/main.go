// Cluster starts, breaks, mends and ends the test cluster: package cluster with flags. Run it with --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/cluster"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	err := newCommand().ExecuteContext(ctx)
	var exit exitCode
	if errors.As(err, &exit) {
		return int(exit)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		return 1
	}
	return 0
}

// exitCode is the end of a command that ran in a host: its own words are said already.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "cluster",
		Short: "A Kubernetes of several nodes on this machine, made to be broken",
		Long: `A Kubernetes of several nodes on this machine, made to be broken.

Three nodes (control-plane, worker-1, worker-2) are joined by a network of their own (eth0). The workers are also
on two more segments, lan (lan0) and wan (wan0), as are two hosts outside of Kubernetes: client on the LAN and
server on the WAN. Nodes lose their power, their cables and each other when told to. It needs root, and
changes nothing of the machine itself.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(os.Stdout)
	root.AddCommand(
		newUpCommand(), newDownCommand(), newStatusCommand(), newLeftoversCommand(),
		newPowerOffCommand(), newPowerOnCommand(), newCutCommand(), newHealCommand(), newUnplugCommand(), newPlugCommand(),
		newSignalCommand(), newClockCommand(),
		newLoadCommand(), newExecCommand(), newKubectlCommand(), newKubeconfigCommand(), newNodeInitCommand(),
		newGuestCommand(),
	)
	return root
}

// open finds the cluster whose command this is: the built programs lie beside it.
func open() (*cluster.Cluster, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the built programs: %w", err)
	}
	return cluster.At(filepath.Dir(self))
}

// action is the body of a command.
type action func(cmd *cobra.Command, c *cluster.Cluster, args []string) error

// withCluster gives an action its cluster.
func withCluster(do action) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := open()
		if err != nil {
			return err
		}
		return do(cmd, c, args)
	}
}
