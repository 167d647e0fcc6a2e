package main

import (
	"fmt"
	"io"
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
			return show(cmd.OutOrStdout(), status)
		}),
	}
}

func show(w io.Writer, status cluster.Status) error {
	lines := []string{"HOST\tADDRESS\tPOWER\tPID\tCABLES\tREADY"}
	for _, host := range status.Hosts {
		lines = append(lines, strings.Join(row(host), "\t"))
	}
	for _, cut := range status.Cuts {
		lines = append(lines, fmt.Sprintf("cut between %s and %s", cut[0], cut[1]))
	}
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	if _, err := fmt.Fprintln(table, strings.Join(lines, "\n")); err != nil {
		return err
	}
	return table.Flush()
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
