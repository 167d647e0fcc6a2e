// Package benchmarkflags is what the commands of benchmarks have in common.
package benchmarkflags

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

// Bin is the folder of the running program, where the others that it needs are.
func Bin() string {
	self, err := os.Executable()
	if err != nil {
		return "bin"
	}
	return filepath.Dir(self)
}

// Output is a folder of its own for what one run of a benchmark writes.
func Output(benchmark string) string {
	return filepath.Join(Bin(), benchmark+".out", time.Now().Format("20060102-150405"))
}

// Hurry sets flags that were not given.
func Hurry(command *cobra.Command, values map[string]string) {
	for name, value := range values {
		flag := command.Flags().Lookup(name)
		if flag.Changed {
			continue
		}
		if err := flag.Value.Set(value); err != nil {
			panic(fmt.Sprintf("--%s=%s: %v", name, value, err)) // the values stand in the program
		}
	}
}
