// Command firewall is the default firewall of a unit: it enforces the document that the operator mounts.
package main

import (
	"os"

	"github.com/hapair-io/hapair/internal/cli"
	"github.com/hapair-io/hapair/internal/cli/firewall"
)

func main() {
	os.Exit(cli.Run(firewall.NewCommand()))
}
