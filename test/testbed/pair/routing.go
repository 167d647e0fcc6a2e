package pair

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/hapair-io/hapair/internal/cli/program"
	cli "github.com/hapair-io/hapair/internal/cli/routing"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/localapi/server"
)

// routingVariable is the environment variable that makes a test binary the first process of the container routing, with
// its arguments.
const routingVariable = "HAPAIR_TESTBED_ROUTING"

// routingProgram is the test binary below the root of the image routing.
const routingProgram = "routing-of-pair"

// serveRouting runs the first process of the container routing and exits, if this is its process. Otherwise it returns.
func serveRouting() {
	if _, ok := os.LookupEnv(routingVariable); ok {
		os.Exit(program.Run(cli.NewCommand()))
	}
}

// startRouting runs the routing daemons of a unit, in the image's root. The /run of the container is the directory of
// the unit, which has the document of the firewall and the sockets of the providers.
func (p *Pair) startRouting(u *Unit) {
	p.t.Helper()
	directory := filepath.Join(p.directory, u.Name)
	for _, name := range []string{"frr", "frr-configuration", "frr-state"} { // A new container has none of an earlier one.
		if err := os.RemoveAll(filepath.Join(directory, name)); err != nil {
			p.t.Fatal(err)
		}
	}
	installed := filepath.Join(string(p.options.RoutingRoot), routingProgram)
	if _, err := os.Stat(installed); err != nil {
		program, err := os.Executable()
		if err != nil {
			p.t.Fatal(err)
		}
		if out, err := exec.Command("cp", program, installed).CombinedOutput(); err != nil {
			p.t.Fatalf("Installing the program of the container routing: %v: %s", err, out)
		}
	}
	socket, err := filepath.Rel(directory, server.SocketOf(u.providers, contract.ProviderRouting))
	if err != nil {
		p.t.Fatal(err)
	}
	command := p.options.RoutingRoot.Command(directory, "/"+routingProgram, "--log-format=text",
		"--config=/run/"+filepath.Base(u.document), "--secret=/run/secret", "--state-socket=/run/"+socket)
	command.Env = append(os.Environ(), fmt.Sprintf("%s=%s", routingVariable, u.Name))
	u.routing = u.namespace.StartProgram(p.t, command)
}

// RoutingLog returns what the routing daemons and their first process have logged.
func (u *Unit) RoutingLog() string { return u.routing.Log.String() }
