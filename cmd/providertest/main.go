// Command providertest tests a provider of state against the contract in docs/providers.md.
package main

import (
	"os"

	"github.com/hapair-io/hapair/internal/cli/program"
	"github.com/hapair-io/hapair/internal/cli/providertest"
)

func main() {
	os.Exit(program.Run(providertest.NewCommand()))
}
