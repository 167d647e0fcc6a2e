// Package benchmarkflags holds defaults for the flags of all benchmark commands.
package benchmarkflags

import (
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

// Hurry sets the flags that were not given to the values of a quick run.
func Hurry(command *cobra.Command, values map[string]string) {
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
