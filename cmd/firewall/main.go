// Command firewall is the default firewall of a unit. It enforces the document that the sidecar delivers.
package main

import (
	"os"

	"github.com/hapair-io/hapair/internal/cli/firewall"
	"github.com/hapair-io/hapair/internal/cli/program"
)

func main() {
	os.Exit(program.Run(firewall.NewCommand()))
}
