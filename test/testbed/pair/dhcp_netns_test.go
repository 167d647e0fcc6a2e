//go:build netns

package pair_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// addressing gives a range of addresses to the hosts of the LAN.
const addressing = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - {name: lan, interfaces: [lan0]}
  - {name: wan, interfaces: [wan0]}
  policies:
  - {name: out, from: [lan], to: [wan], action: Accept}
  sourceNAT:
  - {name: out, to: wan, address: 203.0.113.1}
  dhcp:
    networks:
    - interface: lan0
      subnet: 192.168.50.0/24
      address: 192.168.50.1
      ranges: [%s]
      options: {dnsServers: [192.0.2.53], domain: example.com}
    - interface: lan0
      subnet: 192.168.60.0/24
      address: 192.168.50.1
      relays: [192.168.60.1]
      ranges: [192.168.60.100-192.168.60.199]
      options: {routers: [192.168.60.1], domain: example.com}
`

const (
	// twoAddresses are for two hosts, and oneAddress for one.
	twoAddresses = "192.168.50.100-192.168.50.101"
	oneAddress   = "192.168.50.100"
)

// newAddressing starts a pair with a DHCP server.
func newAddressing(t *testing.T, ranges string, options pair.Options) *pair.Pair {
	t.Helper()
	options.Providers, options.Gate, options.Document = true, true, fmt.Sprintf(addressing, ranges)
	return pair.New(t, options)
}

// dhcpHost is a host with a DHCP client of a Linux distribution.
type dhcpHost struct {
	*testbed.Namespace
	t       *testing.T
	client  *testbed.Program
	script  string
	events  string // the file with what the client was told
	skipped int    // how many lines of it were seen
}

// applyLease applies what udhcpc and dhclient were told, and writes it to a file.
const applyLease = `#!/bin/sh
case "${reason:-$1}" in
bound|BOUND|REBOOT) told=bound ;;
renew|RENEW|REBIND) told=renew ;;
nak) told=nak ;;
*) exit 0 ;;
esac
address=${new_ip_address:-$ip}
if [ $told != nak ]; then
	ip addr replace $address/24 dev lan0
fi
echo "$told $address ${new_dhcp_server_identifier:-$serverid} ${new_domain_name:-$domain}" >> %s
`

// newDHCPHost adds a host to the LAN, whose client does not run yet.
func newDHCPHost(t *testing.T, bed *pair.Pair, name string) *dhcpHost {
	t.Helper()
	return newDHCPClient(t, bed.AddHost(t, name))
}

// newDHCPClient prepares a host for a DHCP client.
func newDHCPClient(t *testing.T, host *testbed.Namespace) *dhcpHost {
	t.Helper()
	directory := t.TempDir()
	h := &dhcpHost{
		Namespace: host, t: t,
		script: filepath.Join(directory, "script"), events: filepath.Join(directory, "events"),
	}
	if err := os.WriteFile(h.script, fmt.Appendf(nil, applyLease, h.events), 0o755); err != nil {
		t.Fatal(err)
	}
	return h
}

// udhcpc starts the client of busybox, and returns the address that it gets.
func (h *dhcpHost) udhcpc(options ...string) string {
	h.t.Helper()
	h.client = h.StartProgram(h.t, exec.Command("busybox", append([]string{
		"udhcpc", "--foreground", "--interface=lan0",
		"--timeout=1", "--tryagain=1", "--script=" + h.script,
	}, options...)...))
	return h.told("bound")
}

// dhclient starts the client of ISC, and returns the address that it gets. It keeps its lease in a file. So it asks for
// the same address when it is started again.
func (h *dhcpHost) dhclient() string {
	h.t.Helper()
	h.client.Kill()
	h.client = h.StartProgram(h.t, exec.Command("dhclient", "-4", "-d", "-1", "-cf", "/dev/null", "-sf", h.script,
		"-lf", h.script+".leases", "-pf", h.script+".pid", "lan0"))
	return h.told("bound")
}

// renew makes udhcpc renew its lease, and returns the address that it then has.
func (h *dhcpHost) renew() string {
	h.t.Helper()
	h.client.Signal(syscall.SIGUSR1)
	return h.told("")
}

// told waits until the client was told something, which must begin with a word, and returns the address.
func (h *dhcpHost) told(word string) string {
	h.t.Helper()
	var line string
	testbed.Eventually(h.t, "the host "+h.Name+" is told something", func() bool {
		text, err := os.ReadFile(h.events)
		lines := strings.Split(string(text), "\n")
		if err != nil || len(lines)-1 <= h.skipped {
			return false
		}
		line = lines[h.skipped]
		return true
	})
	h.skipped++
	fields := strings.Fields(line)
	if len(fields) != 4 || word != "" && fields[0] != word || fields[0] == "nak" || fields[2] != "192.168.50.1" ||
		fields[3] != "example.com" {
		h.t.Fatalf("the host %s was told %q", h.Name, line)
	}
	return fields[1]
}

// sleep makes the host deaf, as a laptop that is closed. It keeps its lease.
func (h *dhcpHost) sleep() { h.Link(h.t, "lan0").Down() }

// wake ends the host's sleep.
func (h *dhcpHost) wake() { h.Link(h.t, "lan0").Up() }

// TestDHCPSurvivesLossOfPower has a host that sleeps while the active unit loses its power at the very moment of the
// answer. Nobody else gets its address. It renews it at the new active unit, and at the first one when that is back.
func TestDHCPSurvivesLossOfPower(t *testing.T) {
	bed := newAddressing(t, twoAddresses, pair.Options{})
	laptop, phone := newDHCPHost(t, bed, "laptop"), newDHCPHost(t, bed, "phone")
	address := laptop.udhcpc()
	laptop.sleep()
	bed.Failover()
	if got := phone.udhcpc(); got == address {
		t.Fatalf("%s was given twice", got)
	}
	laptop.wake()
	if got := laptop.renew(); got != address {
		t.Errorf("after the failover, the host has %s instead of %s", got, address)
	}
	bed.Return()
	bed.Switchover()
	if got := laptop.renew(); got != address {
		t.Errorf("after the way back, the host has %s instead of %s", got, address)
	}
}

// TestDHCPWithoutTheClass is the control: the sleeping host's address is given to another one.
func TestDHCPWithoutTheClass(t *testing.T) {
	bed := newAddressing(t, oneAddress, pair.Options{WithoutProvided: true})
	laptop, phone := newDHCPHost(t, bed, "laptop"), newDHCPHost(t, bed, "phone")
	address := laptop.udhcpc()
	laptop.sleep()
	bed.Failover()
	if got := phone.udhcpc(); got != address {
		t.Errorf("the other host got %s, so the other test proves nothing", got)
	}
}

// TestDHCPRelay has a host behind Debian's relay. It keeps its address over a failover, when it asks for it again.
func TestDHCPRelay(t *testing.T) {
	bed := newAddressing(t, oneAddress, pair.Options{})
	relay, host := bed.AddHost(t, "relay"), testbed.NewNamespace(t, "remote")
	testbed.Wire(t, relay, "far0", host, "lan0")
	relay.Link(t, "lan0").Address("192.168.50.5/24")
	relay.Link(t, "far0").Address("192.168.60.1/24")
	relay.Set(t, "net.ipv4.ip_forward", "1")
	host.Link(t, "lan0").Up()
	program := relay.StartProgram(t, exec.Command("dhcrelay", "-4", "-d", "-a", "--no-pid", "-id", "far0", "-iu", "lan0",
		testbed.VirtualLAN.Addr().String()))
	testbed.Eventually(t, "the relay listens", func() bool {
		return strings.Contains(program.Log.String(), "Sending on   Socket/fallback")
	})
	remote := newDHCPClient(t, host)
	address := remote.dhclient()
	if !strings.HasPrefix(address, "192.168.60.") {
		t.Fatalf("the host behind the relay gets %s", address)
	}
	bed.Failover()
	if got := remote.dhclient(); got != address {
		t.Errorf("after the failover, the host has %s instead of %s", got, address)
	}
}

// TestDHCPAvoidsAddressesInUse has a host with a fixed address of the range. Another one that asks for it gets another.
func TestDHCPAvoidsAddressesInUse(t *testing.T) {
	bed := newAddressing(t, twoAddresses, pair.Options{})
	bed.AddHost(t, "fixed").Link(t, "lan0").Address(oneAddress + "/24")
	phone := newDHCPHost(t, bed, "phone")
	if got := phone.udhcpc("--request=" + oneAddress); got == oneAddress {
		t.Errorf("the host gets %s, which another one has", got)
	}
}
