package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/test/cluster"
)

func newStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show hosts, cables and cuts",
		Args:  cobra.NoArgs,
		RunE: withCluster(func(cmd *cobra.Command, c *cluster.Cluster, _ []string) error {
			status, err := c.Status(cmd.Context())
			if err != nil {
				return err
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 3, ' ', 0)
			fmt.Fprintln(table, "HOST\tADDRESS\tPOWER\tPID\tCABLES\tREADY")
			for _, host := range status.Hosts {
				fmt.Fprintln(table, strings.Join(row(host), "\t"))
			}
			if err := table.Flush(); err != nil {
				return err
			}
			for _, cut := range status.Cuts {
				fmt.Fprintf(cmd.OutOrStdout(), "cut: %s and %s\n", cut[0], cut[1])
			}
			return nil
		}),
	}
}

func row(host cluster.HostStatus) []string {
	power, pid, ready := "off", "-", "-"
	if host.Powered {
		power = "on"
	}
	if host.PID != 0 {
		pid = fmt.Sprint(host.PID)
	}
	if host.Ready != "" {
		ready = host.Ready
	}
	var cables []string
	for _, cable := range host.Cables {
		name := cable.Interface
		if !cable.Plugged {
			name += " (unplugged)"
		}
		cables = append(cables, name)
	}
	return []string{host.Name, host.Address, power, pid, strings.Join(cables, ", "), ready}
}
