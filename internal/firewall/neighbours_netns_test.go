//go:build netns

package firewall_test

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"github.com/hapair-io/hapair/test/testbed"
)

// TestNeighbours has a client that does not answer ARP, and an address behind the WAN that a LAN host takes for local.
func TestNeighbours(t *testing.T) {
	b := newBed(t)
	client := b.client.Link(t, "eth0").MAC().String()
	entries := func(host *testbed.Namespace, address string) string {
		return b.in(host, "ip", "neigh", "show", "nud", "all", "to", address)
	}
	contains := func(text string) gomega.OmegaMatcher { return gomega.ContainSubstring(text) }
	get := func(address string) func() string { return func() string { return entries(b.firewall, address) } }

	b.in(b.client, "ip", "neigh", "replace", lanAddress, "lladdr", b.firewall.Link(t, "lan").MAC().String(),
		"dev", "eth0", "nud", "permanent")
	b.client.Set(t, "net.ipv4.conf.eth0.arp_ignore", "8") // It answers no request.
	b.in(b.firewall, "ip", "neigh", "replace", "192.168.50.66", "lladdr", "02:00:00:00:00:66", "dev", "lan",
		"nud", "permanent")
	b.apply(head + `
  neighbours:
  - {interface: lan, address: ` + clientAddress + `, mac: "` + client + `"}
  - {interface: lan, address: "fd50::77", mac: "02:00:00:00:00:77"}
  - {interface: lan, address: 192.168.50.99, publish: true}
`)
	b.in(b.firewall, "ping", "-n", "-c", "1", "-W", "1", clientAddress)
	gomega.NewWithT(t).Expect(get("fd50::77")()).To(contains("02:00:00:00:00:77 PERMANENT proto 179"))

	// A virtual MAC flushes the interface, and so does somebody who sets it down.
	for _, change := range []string{"address 02:00:5e:10:00:01", "down", "up"} {
		b.in(b.firewall, append(strings.Fields("ip link set lan"), strings.Fields(change)...)...)
	}
	b.eventually(get(clientAddress), contains(client+" PERMANENT"))
	b.in(b.client, "ip", "neigh", "replace", lanAddress, "lladdr", "02:00:5e:10:00:01", "dev", "eth0", "nud", "permanent")
	b.in(b.firewall, "ping", "-n", "-c", "1", "-W", "1", clientAddress)

	b.in(b.firewall, "ip", "neigh", "del", clientAddress, "dev", "lan")
	b.eventually(get(clientAddress), contains(client+" PERMANENT"))

	// The unit answers for the published address, whose route leaves by the WAN.
	b.in(b.firewall, "ip", "route", "replace", "192.168.50.99/32", "dev", "wan")
	b.eventually(func() string {
		_, _ = b.client.Try("ping -n -c 1 -W 1 192.168.50.99") // Nobody answers the ping itself.
		return entries(b.client, "192.168.50.99")
	}, contains("02:00:5e:10:00:01"))

	// Entries that the document no longer has are removed. Those of other programs stay.
	b.in(b.firewall, "ip", "neigh", "replace", "192.168.50.66", "lladdr", "02:00:00:00:00:66", "dev", "lan",
		"nud", "permanent")
	b.apply(head)
	b.eventually(get("fd50::77"), gomega.BeEmpty())
	if got := b.in(b.firewall, "ip", "neigh", "show", "proxy"); strings.Contains(got, "192.168.50.99") {
		t.Errorf("the published entry is still there: %s", got)
	}
	if got := entries(b.firewall, "192.168.50.66"); !strings.Contains(got, "02:00:00:00:00:66") {
		t.Errorf("the entry of another program is gone: %q", got)
	}
}

// A neighbour whose interface does not exist is reported, and set once the interface exists.
func TestNeighbourWithoutInterface(t *testing.T) {
	b := newBed(t)
	b.write(`
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - {name: lan, interfaces: [lan, dmz]}
  - {name: wan, interfaces: [wan]}
  neighbours:
  - {interface: dmz, address: 192.168.60.77, mac: "02:00:00:00:00:77"}
`)
	b.eventually(func() string { return b.status().RoutingError },
		gomega.ContainSubstring(`spec.neighbours[0]: interface "dmz" does not exist`))
	testbed.Wire(t, b.firewall, "dmz", b.client, "eth1")
	b.eventually(func() string { return b.status().RoutingError }, gomega.BeEmpty())
	if got := b.in(b.firewall, "ip", "neigh", "show", "dev", "dmz"); !strings.Contains(got, "02:00:00:00:00:77") {
		t.Errorf("the entry is missing: %q", got)
	}
}
