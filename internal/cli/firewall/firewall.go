// Package firewall is the command line of the default firewall. It runs the firewall, checks a configuration, or prints
// the rules of one.
package firewall

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/internal/bounded"
	"github.com/hapair-io/hapair/internal/cli/program"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/ftptrial"
	"github.com/hapair-io/hapair/internal/firewall/parts"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/firewall/resolver"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/localapi/client"
)

// resolvConf is the file with the DNS servers of the pod.
const resolvConf = "/etc/resolv.conf"

// NewCommand returns the command. Without a subcommand it runs the firewall.
func NewCommand() *cobra.Command {
	var (
		config firewall.Config

		stateSocket string
		logFormat   string
		verbosity   int
	)
	cmd := &cobra.Command{
		Use:   "firewall",
		Short: "Enforce a firewall document and report which one is in force",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			limitMemory()
			config.Log = program.Logger(logFormat, verbosity)
			kernel := nftables.Open()
			config.Kernel = kernel
			config.Log.Info("Starting firewall", program.BuildInfo().LogValues()...)
			routes, err := rtnetlink.Dial()
			if err != nil {
				return err
			}
			replicated := parts.Add(&config, routes, resolver.Config{
				Kernel: kernel, IsActive: resolver.AskSidecar, ResolvConf: resolvConf, Log: config.Log,
			})
			if stateSocket == "" {
				for _, part := range replicated {
					part.Become(true)
				}
			} else {
				api := client.New(client.Config{Socket: stateSocket, Log: config.Log.WithName("state")})
				defer api.Close()
				for _, part := range replicated {
					part.Replicate(api)
				}
			}
			config.TryFTP = func() (bool, error) { return ftptrial.Run(kernel) }
			config.GatewayCountsFile = contract.GatewayCountsFile(config.StatusFile)
			return errors.Join(firewall.New(config).Run(cmd.Context()), routes.Close(), kernel.Close())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&config.ConfigFile, "config", contract.FirewallFile, "path of the document")
	flags.StringVar(&config.StatusFile, "status", contract.FirewallStatusFile,
		"path of the report which document is in force")
	flags.StringVar(&stateSocket, "state-socket", contract.ProviderSocket,
		"socket of the sidecar's local API, which has the role of the unit and replicates state; "+
			"without one, the unit is active and nothing is replicated")
	flags.StringSliceVar(&config.ControlInterfaces, "control-interfaces", []string{"lo", contract.PodInterface},
		"interfaces of the control plane; all others are closed while there is no document")
	flags.StringVar(&logFormat, "log-format", "json", "json or text")
	flags.IntVarP(&verbosity, "verbosity", "v", 0, "verbosity of the log; 1 adds observed changes")
	cmd.AddCommand(newCheckCommand(), newPrintCommand())
	return cmd
}

// memoryLimit is the memory of the Go runtime above which it collects garbage more often. A large document leaves much
// garbage within a second. The limit does not bound what is in use.
const memoryLimit = 32 << 20

func limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}

func newCheckCommand() *cobra.Command {
	var networks []string
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Report every error of a FirewallConfiguration; - reads the standard input",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := read(cmd, args[0])
			if err != nil {
				return err
			}
			known, err := parseNetworks(networks)
			if err != nil {
				return err
			}
			return d.Validate(known)
		},
	}
	cmd.Flags().StringSliceVar(&networks, "networks", nil,
		"the pair's networks, to check zones and next hops against, as in lan=192.0.2.1/24,wan=198.51.100.1/24; "+
			"a name alone checks only the zones")
	return cmd
}

func newPrintCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "print FILE",
		Short: "Print the rules of a FirewallConfiguration in the language of nft; - reads the standard input",
		Long: "Print the rules of a FirewallConfiguration in the language of nft, and its routes as commands of ip in " +
			"comments.\nA route without an interface gets the one that its next hop is on.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := read(cmd, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), plan.Compile(d), plan.CompileRouting(d))
			return err
		},
	}
}

func read(cmd *cobra.Command, path string) (document.Document, error) {
	from := cmd.InOrStdin()
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return document.Document{}, fmt.Errorf("reading the document: %w", err)
		}
		defer func() { _ = file.Close() }()
		from = file
	}
	data, err := bounded.Read(from, document.MaxTextBytes)
	if err != nil {
		return document.Document{}, fmt.Errorf("reading the document: %w", err)
	}
	return document.ParseManifests(data)
}
