//go:build netns

package enforcement_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/programs"
)

// relayingDocument accepts requests of DHCP from the LAN, and what goes from there to the WAN. It also serves hosts on
// the WAN by DHCP. The rules of that must not drop answers to a relay.
const relayingDocument = `{"apiVersion":"hapair.io/v1alpha1","kind":"FirewallConfiguration","spec":{` +
	`"zones":[{"name":"lan","interfaces":["lan"]},{"name":"wan","interfaces":["wan"]}],` +
	`"services":[{"name":"dhcp","protocol":"UDP","ports":[67]}],` +
	`"dhcp":{"networks":[{"interface":"wan","subnet":"198.51.100.0/24","address":"` + virtualWAN + `",` +
	`"ranges":["198.51.100.100-198.51.100.120"]}]},` +
	`"sourceNAT":[{"name":"out","to":"wan","address":"` + virtualWAN + `"}],"policies":[` +
	`{"name":"dhcp","from":["lan"],"to":["firewall"],"services":["dhcp"],"action":"Accept"},` +
	`{"name":"out","from":["lan"],"to":["wan"],"action":"Accept"}]}}`

// A DHCP relay runs on the active, and its server is on the WAN. A host on the LAN gets an address. The connection of
// the relay is on the active alone, also once later connections are on the standby.
func TestRelayOnTheActiveServesHostsAndIsNotReplicated(t *testing.T) {
	t.Parallel()
	p := newPair(t, false, relayingDocument)
	active, standby := p.roles()
	p.runDHCP(p.server, "--no-ping", "--dhcp-range=192.0.2.100,192.0.2.120,255.255.255.0,1h")
	// It sends from the virtual address of the LAN.
	relay := p.runDHCP(active.Namespace, "--dhcp-relay="+virtualLAN+","+serverAddress)
	p.getAddress()
	call := p.call()
	relayed := func(u *programs.Unit) bool {
		listing := u.Namespace.Run(t, "conntrack -L -p udp --orig-port-dst 67 --orig-dst "+serverAddress)
		return strings.Contains(listing, virtualLAN)
	}
	if !relayed(active) {
		t.Errorf("the active has no connection of the relay:\n%s", active.Namespace.Run(t, "conntrack -L"))
	}
	testbed.Eventually(t, "the standby has a later connection", func() bool {
		return strings.Contains(standby.Namespace.Run(t, "conntrack -L -p tcp"), "src="+clientAddress)
	})
	if relayed(standby) {
		t.Errorf("the standby has the connection of the relay:\n%s", standby.Namespace.Run(t, "conntrack -L"))
	}
	relay.Kill()
	call.continues()
}

// runDHCP runs dnsmasq for DHCP on a host.
func (p *pairBed) runDHCP(on *testbed.Namespace, options ...string) *testbed.Program {
	p.Helper()
	program := on.StartProgram(p, exec.Command("dnsmasq", append([]string{
		"--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--log-facility=-", "--pid-file=",
		"--dhcp-leasefile=" + filepath.Join(p.TempDir(), "leases"),
	}, options...)...))
	p.Cleanup(program.Kill)
	return program
}

// getAddress waits until a host on the LAN gets an address.
func (p *pairBed) getAddress() {
	p.Helper()
	testbed.Eventually(p, "the host gets an address", func() bool {
		output, err := p.client.Try("busybox udhcpc --foreground --interface=client0 --quit --now --retries=2 " +
			"--timeout=1 --script=/bin/true")
		return err == nil && strings.Contains(output, "lease of 192.0.2.1")
	})
}
