package pair

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/hapair-io/hapair/internal/cli/program"
	"github.com/hapair-io/hapair/internal/cli/sidecar/connections"
	"github.com/hapair-io/hapair/internal/ha"
	"github.com/hapair-io/hapair/test/testbed"
)

// connectionsVariable is the environment variable that makes a test binary the sidecar's command for connections, with
// its arguments.
const connectionsVariable = "HAPAIR_TESTBED_CONNECTIONS"

// serveConnections runs the command and exits, if this is its process. Otherwise it returns.
func serveConnections() {
	if _, ok := os.LookupEnv(connectionsVariable); ok {
		os.Exit(program.Run(connections.NewCommand()))
	}
}

// EndConnections ends connections by the sidecar's command at the active unit, with flags that select them. It returns
// what the command prints.
func (p *Pair) EndConnections(flags ...string) string {
	p.t.Helper()
	settings := filepath.Join(p.directory, p.Active.Name, "sidecar.json")
	text := fmt.Sprintf(`{"pair": %q, "namespace": %q, "networks": [
		{"interface": "lan0", "virtualAddresses": [%q, %q]}, {"interface": "wan0", "virtualAddresses": [%q, %q]}]}`,
		pairName, pairNamespace,
		testbed.VirtualLAN, testbed.VirtualLANIPv6, testbed.VirtualWAN, testbed.VirtualWANIPv6)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	role := p.Active.namespace.ServeHTTP(p.t, "127.0.0.1:0", http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, ha.Active) }))
	command := exec.Command("/proc/self/exe", append([]string{
		"end", "--settings=" + settings, "--health-address=" + strings.TrimPrefix(role, "http://"),
	}, flags...)...)
	command.Env = append(os.Environ(), connectionsVariable+"="+p.Active.Name)
	output, err := p.Active.namespace.Command(command)
	if err != nil {
		p.t.Fatalf("Ending connections at %s: %v: %s", p.Active.Name, err, output)
	}
	return output
}
