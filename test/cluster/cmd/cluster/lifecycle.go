package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/test/cluster"
)

// lifecycleCommands returns the commands that start and remove the cluster.
func lifecycleCommands() []*cobra.Command {
	return []*cobra.Command{
		{
			Use:   "up",
			Short: "Start the cluster, or its missing parts",
			Long: `Start the cluster and wait until pods can be made. A cluster that is up is left alone, save that
nodes without power are started; one whose start was interrupted is completed.`,
			Args: cobra.NoArgs,
			RunE: withCluster(func(cmd *cobra.Command, c *cluster.Cluster, _ []string) error {
				progress := cluster.ProgressTo(cmd.OutOrStdout())
				if err := c.Up(cmd.Context(), progress); err != nil {
					return err
				}
				progress("The cluster is up: export KUBECONFIG=%s", c.Kubeconfig())
				return nil
			}),
		},
		{
			Use:   "down",
			Short: "Stop and remove the cluster",
			Long: `End every process of the cluster and remove its networks, control groups and state, also of one that
crashed.`,
			Args: cobra.NoArgs,
			RunE: withCluster(func(cmd *cobra.Command, c *cluster.Cluster, _ []string) error {
				progress := cluster.ProgressTo(cmd.OutOrStdout())
				if err := c.Down(cmd.Context(), progress); err != nil {
					return err
				}
				progress("The cluster is down")
				return nil
			}),
		},
		{
			Use:   "leftovers",
			Short: "List the remains of the cluster on this machine, and fail if there are any",
			Long: `List processes, namespaces, control groups, mounts and state of the cluster on this machine, a line each.
The list is empty when the cluster is down. The exit code is 1 if it is not empty.`,
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
				return errors.New("the cluster left remains: run `cluster down`")
			}),
		},
	}
}
