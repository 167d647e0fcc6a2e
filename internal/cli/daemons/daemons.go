// Package daemons is the command line that containers with foreign daemons share. It runs the daemons under a
// supervisor, and reports the health of a running container.
package daemons

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/internal/cli/program"
	"github.com/hapair-io/hapair/internal/supervisor"
	"github.com/hapair-io/hapair/internal/supervisor/health"
	"github.com/hapair-io/hapair/internal/supervisor/lifecycle"
)

const (
	defaultSocket = "/run/health.sock"
	// probeTimeout is how long a daemon may take for one answer.
	probeTimeout = 3 * time.Second
)

// NewCommand returns a command that runs daemons, with a subcommand for its health. The daemons are asked for after the
// flags were parsed.
func NewCommand(use, short string, daemons func(logr.Logger) ([]supervisor.Daemon, error)) *cobra.Command {
	var (
		socket    string
		logFormat string
		verbosity int
	)
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			log := program.Logger(logFormat, verbosity)
			log.Info("Starting "+use, program.BuildInfo().LogValues()...)
			list, err := daemons(log)
			if err != nil {
				return err
			}
			s := supervisor.New(supervisor.Config{
				Daemons: list, Policy: lifecycle.DefaultPolicy(), ProbeTimeout: probeTimeout, Output: os.Stderr, Log: log,
			})
			server, err := health.Serve(socket, s.Report)
			if err != nil {
				return err
			}
			return errors.Join(s.Run(cmd.Context()), server.Close())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&logFormat, "log-format", "json", "json or text")
	flags.IntVarP(&verbosity, "verbosity", "v", 0, "verbosity of the log")
	cmd.PersistentFlags().StringVar(&socket, "health-socket", defaultSocket,
		"unix socket at which the running program reports its health")
	cmd.AddCommand(newHealthCommand(&socket))
	return cmd
}

func newHealthCommand(socket *string) *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Print the health of the running program; exits with status 1 unless every daemon answers",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := health.Ask(cmd.Context(), *socket)
			if err != nil {
				return err
			}
			for _, d := range report.Daemons {
				line := fmt.Sprintf("%s: %s for %.0f s, %d restarts", d.Name, d.Phase, d.Seconds, d.Restarts)
				if d.LastExit != "" {
					line += ", last exit: " + d.LastExit
				}
				if d.Detail != "" {
					line += ", " + d.Detail
				}
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), line); err != nil {
					return err
				}
			}
			if wrong := report.Unhealthy(); wrong != "" {
				return errors.New(wrong)
			}
			return nil
		},
	}
}
