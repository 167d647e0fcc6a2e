// Command sidecar runs one unit of a pair: it decides who is active, and keeps the standby's state equal.
package main

import (
	"os"

	"github.com/hapair-io/hapair/internal/cli/program"
	"github.com/hapair-io/hapair/internal/cli/sidecar"
)

func main() {
	os.Exit(program.Run(sidecar.NewCommand()))
}
