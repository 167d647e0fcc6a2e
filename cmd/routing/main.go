// Command routing is the first process of the container routing: it runs the daemons of FRR, and reports their health.
package main

import (
	"os"

	"github.com/hapair-io/hapair/internal/cli/program"
	"github.com/hapair-io/hapair/internal/cli/routing"
)

func main() {
	os.Exit(program.Run(routing.NewCommand()))
}
