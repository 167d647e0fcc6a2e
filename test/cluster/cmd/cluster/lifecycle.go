package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/test/cluster"
)

func newUpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "up",
		Short: "Start the cluster, or what of it does not run",
		Long: `Start the cluster and wait until pods can be made. A cluster that is up is left alone, save that
nodes without power are started; one whose start was interrupted is completed.`,
		Args: cobra.NoArgs,
		RunE: withCluster(func(cmd *cobra.Command, c *cluster.Cluster, _ []string) error {
			progress := stopwatch(cmd)
			if err := c.Up(cmd.Context(), progress); err != nil {
				return err
			}
			progress("The cluster is up: export KUBECONFIG=%s", c.Kubeconfig())
			return nil
		}),
	}
}

func newDownCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "End the cluster and remove all of it",
		Long: `End every process of the cluster and remove its networks, control groups and state, also of one that
crashed.`,
		Args: cobra.NoArgs,
		RunE: withCluster(func(cmd *cobra.Command, c *cluster.Cluster, _ []string) error {
			progress := stopwatch(cmd)
			if err := c.Down(cmd.Context(), progress); err != nil {
				return err
			}
			progress("The cluster is down")
			return nil
		}),
	}
}

func newLeftoversCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "leftovers",
		Short: "List what there is of the cluster on this machine; fail if there is anything",
		Long: `List processes, namespaces, control groups, mounts and state of the cluster on this machine, a line each.
When the cluster is down there are none. The exit code says whether there are any.`,
		Args: cobra.NoArgs,
		RunE: withCluster(func(cmd *cobra.Command, c *cluster.Cluster, _ []string) error {
			left, err := c.Leftovers()
			if err != nil {
				return err
			}
			if len(left) == 0 {
				return nil
			}
			cmd.Println(strings.Join(left, "\n"))
			return errors.New("there is something left: run `cluster down`")
		}),
	}
}

// stopwatch prints each step with the seconds since the beginning.
func stopwatch(cmd *cobra.Command) cluster.Progress {
	begin := time.Now()
	return func(format string, args ...any) {
		cmd.Printf("%6.1fs  %s\n", time.Since(begin).Seconds(), fmt.Sprintf(format, args...))
	}
}
