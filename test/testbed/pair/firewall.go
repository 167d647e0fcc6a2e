package pair

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	cli "github.com/hapair-io/hapair/internal/cli/firewall"
	"github.com/hapair-io/hapair/internal/cli/program"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/test/testbed"
)

// firewallVariable is the environment variable that makes a test binary the default firewall, with its arguments.
const firewallVariable = "HAPAIR_TESTBED_FIREWALL"

// serveFirewall runs the default firewall and exits, if this is its process. Otherwise it returns.
func serveFirewall() {
	if _, ok := os.LookupEnv(firewallVariable); ok {
		os.Exit(program.Run(cli.NewCommand()))
	}
}

// startFirewall runs the default firewall with the document of the pair in the namespace of a unit, and waits until the
// document is in force. The firewall's rules replace those of the network.
func (p *Pair) startFirewall(u *Unit) {
	p.t.Helper()
	u.namespace.Firewall(p.t, `add table inet firewall
		delete table inet firewall
		add table ip translation
		delete table ip translation`)
	directory := filepath.Join(p.directory, u.Name)
	u.document, u.status = filepath.Join(directory, "firewall.json"), filepath.Join(directory, "status.json")
	u.give(p.options.Document)
	command := exec.Command("/proc/self/exe", "--config="+u.document, "--status="+u.status,
		"--control-interfaces=lo,sync0", "--state-socket="+u.FirewallSocket())
	command.Env = append(os.Environ(), fmt.Sprintf("%s=%s", firewallVariable, u.Name))
	u.firewall = u.namespace.StartProgram(p.t, command)
	u.awaitEnforced(p.options.Document)
}

// Enforce gives the unit's firewall another document, and waits until that is in force.
func (u *Unit) Enforce(text string) {
	u.t.Helper()
	u.give(text)
	u.awaitEnforced(text)
}

// give replaces the document of the unit's firewall.
func (u *Unit) give(text string) {
	u.t.Helper()
	testbed.Replace(u.t, u.document, text)
}

// awaitEnforced waits until the unit's firewall reports that a document is in force.
func (u *Unit) awaitEnforced(text string) {
	u.t.Helper()
	wanted := document.Hash([]byte(text))
	testbed.Eventually(u.t, "the firewall of "+u.Name+" enforces its document", func() bool {
		return u.FirewallStatus().Hash == wanted
	})
}

// FirewallStatus returns the last report of the unit's firewall; the zero value before the first.
func (u *Unit) FirewallStatus() contract.FirewallStatus {
	u.t.Helper()
	text, err := os.ReadFile(u.status)
	if errors.Is(err, fs.ErrNotExist) {
		return contract.FirewallStatus{}
	}
	var status contract.FirewallStatus
	if err == nil {
		status, err = contract.ParseFirewallStatus(text)
	}
	if err != nil {
		u.t.Fatal(err)
	}
	return status
}
