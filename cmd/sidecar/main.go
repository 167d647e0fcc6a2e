// Command sidecar runs one unit of a pair: it decides who is active, and keeps the standby's state equal.
package main

import (
	"os"

	"github.com/hapair-io/hapair/internal/cli"
)

func main() {
	os.Exit(cli.Run(cli.NewSidecarCommand()))
}
