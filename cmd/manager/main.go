// Command manager is the operator: it makes pairs of firewalls what their HAPair objects say.
package main

import (
	"os"

	"github.com/hapair-io/hapair/internal/cli"
)

func main() {
	os.Exit(cli.Run(cli.NewManagerCommand()))
}
