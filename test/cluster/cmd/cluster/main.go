// Cluster starts, breaks, repairs and removes the test cluster. It is the command line of package cluster. Run it with
// --help.
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

// exitCode is the exit code of a command that ran in a host. The command has printed its own error.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "cluster",
		Short: "Run a Kubernetes cluster of several nodes on this machine and inject faults into it",
		Long: `A Kubernetes of several nodes on this machine, made to be broken.

Three nodes (control-plane, worker-1, worker-2) are joined by a network of their own (eth0). The workers are also
on two more segments, lan (lan0) and wan (wan0), as are two hosts outside of Kubernetes: client on the LAN and
server on the WAN. Nodes lose their power, their cables and each other when told to. It needs root, and
changes nothing of the machine itself.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(os.Stdout)
	for _, commands := range [][]*cobra.Command{
		lifecycleCommands(), powerCommands(), networkCommands(), useCommands(),
		{newStatusCommand(), newSignalCommand(), newClockCommand(), newNodeInitCommand(), newGuestCommand()},
	} {
		root.AddCommand(commands...)
	}
	return root
}

// open returns the cluster of this command. The built programs are in the same folder.
func open() (*cluster.Cluster, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the built programs: %w", err)
	}
	return cluster.At(filepath.Dir(self))
}

// action is the body of a command.
type action func(cmd *cobra.Command, c *cluster.Cluster, args []string) error

// withCluster returns a cobra function that opens the cluster for an action.
func withCluster(do action) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := open()
		if err != nil {
			return err
		}
		return do(cmd, c, args)
	}
}
