// Command manager is the operator: it makes pairs of firewalls what their HAPair objects say.
package main

import (
	"os"

	"github.com/hapair-io/hapair/internal/cli/manager"
	"github.com/hapair-io/hapair/internal/cli/program"
)

func main() {
	os.Exit(program.Run(manager.NewCommand()))
}
