// Package providertest is the command line of the conformance kit for providers.
package providertest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/internal/localapi/conformance"
)

const long = `Test a provider of state against the contract in docs/providers.md.

providertest plays the sidecar of a unit. It starts the provider, makes requests
of clients by a probe, and checks what the provider writes and promises: at a
takeover, if the term changes, if the sidecar answers late, refuses or vanishes,
and after the provider was killed.`

const runLong = `Play the scripts, and print the results in the Test Anything Protocol.

The provider finds the socket in HAPAIR_SOCKET. {socket} in its arguments is
replaced by the path of the socket, too.

The probe is a program that acts for a client. It is called as
  PROBE begin CLIENT   ask for something that must survive, such as a lease
  PROBE check CLIENT   ask whether the provider still honours it
  PROBE end CLIENT     give it back
and exits with status 0 if the provider has granted it, or with another status
if it has not. It may take 5 s.`

// NewCommand returns the command.
func NewCommand() *cobra.Command {
	command := &cobra.Command{Use: "providertest", Short: "Test a provider of state", Long: long, Args: cobra.NoArgs}
	command.AddCommand(newRunCommand(), newListCommand())
	return command
}

type runOptions struct {
	conformance.Config
	probe  string
	schema string
	junit  string
}

func newRunCommand() *cobra.Command {
	o := &runOptions{}
	command := &cobra.Command{
		Use:   "run --class CLASS --probe PROBE -- PROVIDER [ARGUMENT...]",
		Short: "Test a provider",
		Long:  runLong,
		Example: `  providertest run --class tickets --probe ./probe.sh -- ./provider.sh
  providertest run --class leases --probe ./renew.sh --only takeover,flood \
    --junit results.xml -- ./dhcp-server --socket {socket}`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, provider []string) error {
			o.Command, o.Probe = provider, []string{o.probe}
			return o.run(command)
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.Class, "class", "", "class that the provider publishes")
	flags.StringVar(&o.probe, "probe", "", "program that acts for a client")
	flags.StringVar(&o.schema, "schema", "", "file with the schema of the values, in YAML or JSON")
	flags.StringSliceVar(&o.Only, "only", nil, "names of the scripts to play; all if empty")
	flags.StringVar(&o.junit, "junit", "", "file for the results in the format of JUnit")
	for _, name := range []string{"class", "probe"} {
		if err := command.MarkFlagRequired(name); err != nil {
			panic(err) // the flag is defined above
		}
	}
	return command
}

func (o *runOptions) run(command *cobra.Command) error {
	progress := func(r conformance.Result) {
		verdict := "passed"
		if r.Err != nil {
			verdict = "FAILED"
		}
		_, _ = fmt.Fprintf(command.ErrOrStderr(), "%-22s %s after %s\n", r.Name, verdict, r.Took.Round(time.Millisecond))
	}
	if o.schema != "" {
		var err error
		if o.Schema, err = os.ReadFile(o.schema); err != nil {
			return fmt.Errorf("reading the schema of the values: %w", err)
		}
	}
	report, err := conformance.Run(command.Context(), o.Config, progress)
	if err != nil {
		return err
	}
	if err := report.WriteTAP(command.OutOrStdout()); err != nil {
		return fmt.Errorf("printing the results: %w", err)
	}
	if o.junit != "" {
		if err := writeFile(o.junit, report.WriteJUnit); err != nil {
			return fmt.Errorf("writing the results: %w", err)
		}
	}
	if failed := report.Failed(); len(failed) > 0 {
		return fmt.Errorf("the provider failed %d of %d scripts: %s",
			len(failed), len(report.Results), strings.Join(failed, ", "))
	}
	return nil
}

func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}

func newListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the scripts",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			for _, s := range conformance.Scripts() {
				if _, err := fmt.Fprintf(command.OutOrStdout(), "%-22s %s\n", s.Name, s.Summary); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
