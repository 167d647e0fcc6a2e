// Package daemons is the command line that containers with foreign daemons share. It runs the daemons under a
// supervisor, and reports the health of a running container.
package daemons

import (
	"context"
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
	// ProbeTimeout is how long a daemon may take for one answer.
	ProbeTimeout = 3 * time.Second
)

// Program runs daemons until the context ends, and reports their state.
type Program interface {
	Run(ctx context.Context) error
	Report() supervisor.Report
}

// Supervise returns a program that runs always the same daemons.
func Supervise(daemons []supervisor.Daemon, log logr.Logger) Program {
	return supervisor.New(supervisor.Config{
		Daemons: daemons, Policy: lifecycle.DefaultPolicy(), ProbeTimeout: ProbeTimeout, Output: os.Stderr, Log: log,
	})
}

// NewCommand returns a command that runs a program, with a subcommand for its health. The program is asked for after
// the flags were parsed.
func NewCommand(use, short string, newProgram func(logr.Logger) (Program, error)) *cobra.Command {
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
			running, err := newProgram(log)
			if err != nil {
				return err
			}
			server, err := health.Serve(socket, running.Report)
			if err != nil {
				return err
			}
			return errors.Join(running.Run(cmd.Context()), server.Close())
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
