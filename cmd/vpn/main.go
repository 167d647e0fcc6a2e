// Command vpn is the first process of the container vpn: it runs strongSwan's IKE daemon, and reports its health.
package main

import (
	"os"

	"github.com/hapair-io/hapair/internal/cli/program"
	"github.com/hapair-io/hapair/internal/cli/vpn"
)

func main() {
	os.Exit(program.Run(vpn.NewCommand()))
}
