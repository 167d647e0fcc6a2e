package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := newCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		os.Exit(1)
	}
}

// settings are the flags of all commands.
type settings struct {
	image   string
	cache   string
	mirrors map[string]string
}

func newCommand() *cobra.Command {
	s := &settings{}
	cmd := &cobra.Command{
		Use:          "packages",
		Short:        "Make the root directory of an image from Debian packages",
		SilenceUsage: true,
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&s.image, "image", "", "directory with contents.yaml and packages.lock, as in images/vpn")
	flags.StringVar(&s.cache, "cache", "bin/packages", "directory that keeps downloaded packages")
	flags.StringToStringVar(&s.mirrors, "mirror", nil,
		"addresses of the archives debian and debian-security (default: those of this machine's apt)")
	if err := cmd.MarkPersistentFlagRequired("image"); err != nil {
		panic(err) // the flag is defined above
	}
	cmd.AddCommand(newRootCommand(s), newListCommand(s), newUpdateCommand(s))
	return cmd
}

func newRootCommand(s *settings) *cobra.Command {
	var architecture, output string
	cmd := &cobra.Command{
		Use:   "root --image DIR --arch ARCH --output DIR",
		Short: "Write the root directory from the locked packages",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.root(cmd.Context(), architecture, output)
		},
	}
	cmd.Flags().StringVar(&architecture, "arch", "amd64", "amd64 or arm64")
	cmd.Flags().StringVar(&output, "output", "", "directory to write")
	if err := cmd.MarkFlagRequired("output"); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

func newListCommand(s *settings) *cobra.Command {
	var architecture string
	cmd := &cobra.Command{
		Use:   "list --image DIR --arch ARCH",
		Short: "List all files of the locked packages",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.list(cmd.Context(), architecture, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&architecture, "arch", "amd64", "amd64 or arm64")
	return cmd
}

func newUpdateCommand(s *settings) *cobra.Command {
	var architectureNames []string
	cmd := &cobra.Command{
		Use:   "update --image DIR",
		Short: "Lock the newest versions of the packages",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.update(cmd.Context(), architectureNames, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringSliceVar(&architectureNames, "arch", []string{"amd64", "arm64"}, "architectures to lock")
	return cmd
}
