package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

func main() {
	if err := newCommand().Execute(); err != nil {
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	var (
		spec     imageSpec
		name     string
		tag      string
		output   string
		binaries []string
		roots    []string
	)
	cmd := &cobra.Command{
		Use:   "image --name NAME --entrypoint /PROGRAM --binary OS/ARCH=FILE --output FILE.tar",
		Short: "Write an OCI image archive around a static program",
		Long: "Write an OCI image archive (an OCI layout in a tar) that holds one static program for one platform or\n" +
			"several, or a script and what it needs (--root), and next to it FILE.ref with the full reference of the\n" +
			"image. Equal input gives equal bytes.",
		Example: "  image --name localhost/hapair/manager --user 65532:65532 --entrypoint /manager \\\n" +
			"    --binary linux/amd64=manager-amd64 --binary linux/arm64=manager-arm64 --output manager.tar",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: false,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if spec.Binaries, err = parseBinaries(binaries); err != nil {
				return err
			}
			if err := addRoots(spec.Binaries, roots); err != nil {
				return err
			}
			index, err := buildIndex(spec)
			if err != nil {
				return err
			}
			reference, err := referenceOf(name, tag, index)
			if err != nil {
				return err
			}
			if err := writeArchive(output, reference, index); err != nil {
				return err
			}
			if err := os.WriteFile(referenceFile(output), []byte(reference.Name()+"\n"), 0o644); err != nil {
				return fmt.Errorf("writing the image's reference: %w", err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), reference.Name())
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "repository of the image, such as localhost/hapair/manager")
	flags.StringVar(&tag, "tag", "", "tag of the image (default: the first 12 hex digits of its digest)")
	flags.StringVar(&spec.User, "user", "65532:65532", "user and group the program runs as, in numbers")
	flags.StringVar(&spec.Entrypoint, "entrypoint", "", "path in the image at which the program lies and is run")
	flags.StringArrayVar(&binaries, "binary", nil, "program of one platform, as in linux/amd64=FILE (may be repeated)")
	flags.StringArrayVar(&roots, "root", nil,
		"directory with further files, such as an interpreter; OS/ARCH=DIR is for one platform (may be repeated)")
	flags.StringToStringVar(&spec.Labels, "label", nil, "label, as in org.opencontainers.image.title=x (may be repeated)")
	flags.StringVar(&output, "output", "", "archive to write, ending in .tar")
	for _, required := range []string{"name", "entrypoint", "binary", "output"} {
		if err := cmd.MarkFlagRequired(required); err != nil {
			panic(err) // a flag name above is misspelled
		}
	}
	return cmd
}

// referenceFile returns the path of the file with the reference: next to the archive, with the suffix .ref.
func referenceFile(path string) string { return strings.TrimSuffix(path, ".tar") + ".ref" }
