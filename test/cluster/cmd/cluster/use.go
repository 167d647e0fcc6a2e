package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/cluster"
	"github.com/hapair-io/hapair/test/cluster/internal/boot"
	"github.com/hapair-io/hapair/test/cluster/internal/process"
)

// useCommands returns the commands that run something in the cluster.
func useCommands() []*cobra.Command {
	return []*cobra.Command{
		{
			Use:     "load IMAGE.tar...",
			Short:   "Load image archives into every worker",
			Long:    "Load image archives (OCI layouts in a tar) into every worker, so that pods need no registry.",
			Example: "  cluster load bin/images/*.tar",
			Args:    cobra.MinimumNArgs(1),
			RunE: withCluster(func(cmd *cobra.Command, c *cluster.Cluster, args []string) error {
				return c.Load(cmd.Context(), args...)
			}),
		},
		{
			Use:   "exec HOST -- COMMAND...",
			Short: "Run a command in a host",
			Long: `Run a command in a host: on a worker in all of its namespaces, on the others in their network, with this
machine's files. The exit code is the command's.`,
			Example:   "  cluster exec client -- curl http://192.0.2.9/\n  cluster exec worker-1 -- ip neighbour",
			Args:      cobra.MinimumNArgs(2),
			ValidArgs: hosts(),
			RunE: withCluster(func(_ *cobra.Command, c *cluster.Cluster, args []string) error {
				code, err := c.Exec(args[0], args[1:])
				if err == nil && code != 0 {
					return exitCode(code)
				}
				return err
			}),
		},
		{
			Use:                "kubectl ARGUMENTS...",
			Short:              "Run kubectl as the cluster's administrator",
			Example:            "  cluster kubectl get pods -A -o wide",
			DisableFlagParsing: true,
			RunE: withCluster(func(_ *cobra.Command, c *cluster.Cluster, args []string) error {
				if _, err := os.Stat(c.Kubeconfig()); err != nil {
					return cluster.ErrNotUp
				}
				program := filepath.Join(c.Bin(), "hyperkube")
				environment := append(os.Environ(), "KUBECONFIG="+c.Kubeconfig(), "KUBECACHEDIR="+c.KubectlCache())
				err := unix.Exec(program, append([]string{"kubectl"}, args...), environment)
				return fmt.Errorf("running %s (`make kubernetes` builds it): %w", program, err)
			}),
		},
		{
			Use:     "kubeconfig",
			Short:   "Print the path of the administrator's kubeconfig",
			Example: "  export KUBECONFIG=$(cluster kubeconfig)",
			Args:    cobra.NoArgs,
			RunE: withCluster(func(cmd *cobra.Command, c *cluster.Cluster, _ []string) error {
				if _, err := os.Stat(c.Kubeconfig()); err != nil {
					return cluster.ErrNotUp
				}
				_, err := fmt.Fprintln(cmd.OutOrStdout(), c.Kubeconfig())
				return err
			}),
		},
	}
}

// newNodeInitCommand returns the hidden command of a node's PID 1.
func newNodeInitCommand() *cobra.Command {
	var joined bool
	cmd := &cobra.Command{
		Use:    "node-init SPEC",
		Short:  "Be PID 1 of a node",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE:   func(_ *cobra.Command, args []string) error { return boot.Run(args[0], joined) },
	}
	cmd.Flags().BoolVar(&joined, boot.JoinedFlag[len("--"):], false, "the control groups have been joined")
	return cmd
}

// newGuestCommand returns the hidden second half of `exec` on a worker.
func newGuestCommand() *cobra.Command {
	return &cobra.Command{
		Use:    process.GuestCommand + " -- COMMAND...",
		Short:  "Become a command inside a worker",
		Hidden: true,
		Args:   cobra.MinimumNArgs(1),
		RunE:   func(_ *cobra.Command, args []string) error { return process.BecomeGuest(args) },
	}
}
