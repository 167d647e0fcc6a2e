// Package cli is the command lines of the manager and the sidecar: flags, and the wiring of what they run. That of the
// firewall is beneath, so that the firewall does not link what talks to a cluster.
package cli

import (
	"github.com/go-logr/logr"
	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/internal/cli/program"
)

// Run executes the command and returns the program's exit code.
func Run(cmd *cobra.Command) int { return program.Run(cmd) }

// Logger writes to the standard error, as JSON or, if the format is text, for people.
func Logger(format string, verbosity int) logr.Logger { return program.Logger(format, verbosity) }
