package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hapair-io/hapair/test/cluster"
)

// powerCommands returns the commands that inject and repair failures of power.
func powerCommands() []*cobra.Command {
	return []*cobra.Command{
		{
			Use:       "power-off NODE",
			Short:     "Cut a node's power",
			Long:      "Cut a node's power: unplug its cables, then kill all of its processes at once. Its disk stays.",
			Example:   "  cluster power-off worker-1",
			Args:      cobra.ExactArgs(1),
			ValidArgs: nodes(),
			RunE: withCluster(func(cmd *cobra.Command, c *cluster.Cluster, args []string) error {
				return c.PowerOff(cmd.Context(), args[0])
			}),
		},
		{
			Use:       "power-on NODE",
			Short:     "Start a node from its disk",
			Long:      "Start a node from its disk, with all cables plugged in. It becomes ready a few seconds later.",
			Example:   "  cluster power-on worker-1",
			Args:      cobra.ExactArgs(1),
			ValidArgs: nodes(),
			RunE: withCluster(func(cmd *cobra.Command, c *cluster.Cluster, args []string) error {
				return c.PowerOn(cmd.Context(), args[0])
			}),
		},
	}
}

// networkCommands returns the commands that inject and repair failures of the network.
func networkCommands() []*cobra.Command {
	return []*cobra.Command{
		{
			Use:   "cut NODE NODE",
			Short: "Separate two nodes on the node network",
			Long: `Keep two nodes apart on the node network. Both still reach everybody else, and neither loses its
carrier.`,
			Example:   "  cluster cut worker-1 control-plane",
			Args:      cobra.ExactArgs(2),
			ValidArgs: nodes(),
			RunE: withCluster(func(_ *cobra.Command, c *cluster.Cluster, args []string) error {
				return c.Cut(args[0], args[1])
			}),
		},
		{
			Use:       "heal [NODE NODE]",
			Short:     "Remove the cut between two nodes, or every cut",
			Example:   "  cluster heal\n  cluster heal worker-1 control-plane",
			ValidArgs: nodes(),
			Args: func(_ *cobra.Command, args []string) error {
				if len(args) != 0 && len(args) != 2 {
					return fmt.Errorf("name two nodes, or none to remove every cut: got %d", len(args))
				}
				return nil
			},
			RunE: withCluster(func(_ *cobra.Command, c *cluster.Cluster, args []string) error {
				if len(args) == 0 {
					return c.HealAll()
				}
				return c.Heal(args[0], args[1])
			}),
		},
		{
			Use:   "unplug HOST INTERFACE",
			Short: "Pull one cable of a host",
			Long: `Pull one cable of a host: its interface loses the carrier. Every host has an eth0, and the workers lan0
and wan0 besides.`,
			Example:   "  cluster unplug worker-1 lan0",
			Args:      cobra.ExactArgs(2),
			ValidArgs: hosts(),
			RunE: withCluster(func(_ *cobra.Command, c *cluster.Cluster, args []string) error {
				return c.Unplug(args[0], args[1])
			}),
		},
		{
			Use:       "plug HOST INTERFACE",
			Short:     "Plug a cable in again",
			Example:   "  cluster plug worker-1 lan0",
			Args:      cobra.ExactArgs(2),
			ValidArgs: hosts(),
			RunE: withCluster(func(_ *cobra.Command, c *cluster.Cluster, args []string) error {
				return c.Plug(args[0], args[1])
			}),
		},
	}
}

func newSignalCommand() *cobra.Command {
	var pod string
	command := &cobra.Command{
		Use:   "signal NODE PROGRAM SIGNAL",
		Short: "Send a signal to a program on a node",
		Long: `Send a signal to a program on a node, of Kubernetes or of a pod's container: KILL is a crash, STOP freezes it
until CONT. A node starts a program of Kubernetes again a second after it has ended.`,
		Example:   "  cluster signal control-plane kube-apiserver STOP\n  cluster signal worker-1 sidecar KILL",
		Args:      cobra.ExactArgs(3),
		ValidArgs: nodes(),
		RunE: withCluster(func(_ *cobra.Command, c *cluster.Cluster, args []string) error {
			signal, err := parseSignal(args[2])
			if err != nil {
				return err
			}
			return c.Signal(cluster.Program{Node: args[0], Name: args[1], Pod: types.UID(pod)}, signal)
		}),
	}
	command.Flags().StringVar(&pod, "pod", "", "only in the containers of the pod with this UID")
	return command
}

func parseSignal(name string) (unix.Signal, error) {
	signal := unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(name), "SIG"))
	if signal == 0 {
		return 0, fmt.Errorf("unknown signal %q: try KILL, TERM, STOP or CONT", name)
	}
	return signal, nil
}

func newClockCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "clock NODE OFFSET",
		Short: "Step the wall clock of a node",
		Long: `Step the wall clock of a node: all that runs there now sees the machine's time, plus the offset. What is
started later sees the machine's time, as all does with an offset of 0.`,
		Example:   "  cluster clock worker-1 90m\n  cluster clock worker-1 -- -1h\n  cluster clock worker-1 0",
		Args:      cobra.ExactArgs(2),
		ValidArgs: nodes(),
		RunE: withCluster(func(cmd *cobra.Command, c *cluster.Cluster, args []string) error {
			offset, err := time.ParseDuration(args[1])
			if err != nil {
				return fmt.Errorf("the offset is a duration, such as 90m or -1h: %w", err)
			}
			return c.SetClock(cmd.Context(), args[0], offset)
		}),
	}
}

// nodes returns the names of nodes, for shell completion.
func nodes() []string {
	return []string{cluster.ControlPlane, cluster.Worker1, cluster.Worker2}
}

func hosts() []string {
	return append(nodes(), cluster.Router, cluster.ISP, cluster.Client, cluster.Server)
}
