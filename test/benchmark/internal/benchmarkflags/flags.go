// Package benchmarkflags builds the commands of all benchmarks, with the flags and defaults that they share.
package benchmarkflags

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

// Bin returns the folder of the running program, which also has the other programs that it needs.
func Bin() string {
	self, err := os.Executable()
	if err != nil {
		return "bin"
	}
	return filepath.Dir(self)
}

// Output returns a new folder name for the results of one run of a benchmark.
func Output(benchmark string) string {
	return filepath.Join(Bin(), benchmark+".out", time.Now().Format("20060102-150405"))
}

// Command returns the command of a benchmark. Its help is the summary, followed by the details.
func Command(use, summary, details string, run func(context.Context) error) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: summary,
		Long:  summary + ".\n\n" + details,
		Args:  cobra.NoArgs,
		RunE:  func(command *cobra.Command, _ []string) error { return run(command.Context()) },
	}
}

// AddQuick adds a flag that sets the flags that were not given to the values of a quick run.
func AddQuick(command *cobra.Command, usage string, values map[string]string) {
	quick := command.Flags().Bool("quick", false, usage)
	command.PreRun = func(command *cobra.Command, _ []string) {
		if *quick {
			hurry(command, values)
		}
	}
}

func hurry(command *cobra.Command, values map[string]string) {
	for name, value := range values {
		flag := command.Flags().Lookup(name)
		if flag.Changed {
			continue
		}
		if err := flag.Value.Set(value); err != nil {
			panic(fmt.Sprintf("--%s=%s: %v", name, value, err)) // the values are constants of the program
		}
	}
}
