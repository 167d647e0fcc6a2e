// Command firewall is the default firewall of a unit: it enforces the document that the operator mounts.
package main

import (
	"os"

	"github.com/hapair-io/hapair/internal/cli/firewall"
	"github.com/hapair-io/hapair/internal/cli/program"
)

func main() {
	os.Exit(program.Run(firewall.NewCommand()))
}
