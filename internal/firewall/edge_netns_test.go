//go:build netns

package firewall_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/onsi/gomega"
)

// everything allows every connection between all zones and to the firewall, without any address in a policy.
const everything = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - {name: lan, interfaces: [lan]}
  - {name: wan, interfaces: [wan]}
  - {name: dmz, interfaces: [dmz]}
  policies:
  - {name: any, from: [lan, wan, dmz], to: [lan, wan, dmz, firewall], action: Accept}
`

// reachLAN gives the server routes to the LAN, so that it can send what the firewall must judge.
func (b *bed) reachLAN() {
	b.Helper()
	b.in(b.server, "ip", "route", "add", "default", "via", wanAddress)
	b.in(b.server, "ip", "route", "add", "default", "via", wanAddress6)
}

// A policy without a source admits no packet whose source belongs elsewhere: to another zone, to the unit, to the pod
// network, or to nobody.
func TestForgedSourcesAreDropped(t *testing.T) {
	b := newBed(t)
	b.connectDMZ()
	b.reachLAN()
	b.separatePlanes("lan", "wan", "dmz")
	b.in(b.firewall, "ip", "route", "add", "198.51.100.0/24", "via", serverAddress, "dev", "wan", "table", "7780")
	client, unit, server := b.listen(b.client, ":9999"), b.listen(b.firewall, ":9998"), b.listen(b.server, ":9997")
	b.apply(everything + "  logging: {dropped: true}\n")

	forged := []string{
		"192.168.50.77", lanAddress, wanAddress, dmzAddress, dmzGateway, podAddress, "10.244.0.77", "10.9.9.9", "172.16.5.5",
		"192.168.1.1", "100.64.0.1", "169.254.1.1", "8.8.8.8", "127.0.0.1", "127.1.2.3", "192.168.60.255",
	}
	for i, from := range forged {
		b.forge(b.server, fmt.Sprintf("%s:%d", from, 4000+i), clientAddress+":9999", "forged from "+from)
		b.forge(b.server, fmt.Sprintf("%s:%d", from, 5000+i), wanAddress+":9998", "forged from "+from)
	}
	forged6 := []string{"fd50::77", lanAddress6, dmzAddress6, dmzGateway6, "fd00::2", "fd00::77", "fd99::1"}
	for i, from := range forged6 {
		b.send(b.server, fmt.Sprintf("[%s]:%d", from, 4000+i), "["+clientAddress6+"]:9999", "forged from "+from)
		b.send(b.server, fmt.Sprintf("[%s]:%d", from, 5000+i), "["+wanAddress6+"]:9998", "forged from "+from)
	}
	// From the LAN too: addresses of the WAN, of the Internet, of the unit, and of everyone.
	for i, from := range []string{
		serverAddress, "198.51.100.7", dmzAddress, wanAddress, lanAddress, "192.168.50.255", "127.0.0.1",
	} {
		b.forge(b.client, fmt.Sprintf("%s:%d", from, 6000+i), lanAddress+":9998", "forged from "+from)
		b.forge(b.client, fmt.Sprintf("%s:%d", from, 6100+i), serverAddress+":9997", "forged from "+from)
	}
	for _, from := range []string{serverAddress + ":7000", "198.51.100.7:7001"} {
		b.send(b.server, from, clientAddress+":9999", from)
		b.send(b.server, from, wanAddress+":9998", from)
		for _, in := range []inbox{client, unit} {
			if texts := in.until(from); len(texts) > 0 {
				t.Errorf("received %q", texts)
			}
		}
	}
	b.send(b.server, "["+serverAddress6+"]:7002", "["+clientAddress6+"]:9999", "six")
	if texts := client.until("six"); len(texts) > 0 {
		t.Errorf("received %q", texts)
	}
	b.send(b.client, clientAddress+":7003", serverAddress+":9997", "out")
	if texts := server.until("out"); len(texts) > 0 {
		t.Errorf("the server received %q", texts)
	}
	b.eventually(b.program.Log.String, gomega.MatchRegexp(`"Seeing packet","policy":"spoofed","in":"wan"`))
	dropped := 2 * (len(forged) + len(forged6) + 7)
	if !strings.Contains(b.rules("spoofed"), fmt.Sprintf("counter packets %d ", dropped)) {
		t.Errorf("the counter of forged packets is wrong:\n%s", b.rules("spoofed"))
	}
}

// Connection tracking knows no interfaces: without a check of its own, a forged packet passes as one of a connection.
func TestForgedPacketsOfAConnectionAreDropped(t *testing.T) {
	b := newBed(t)
	dmz := b.connectDMZ()
	b.reachLAN()
	b.separatePlanes("lan", "wan", "dmz")
	client := b.listen(b.client, ":9999")
	b.apply(everything)
	for _, family := range []struct{ server, client string }{
		{serverAddress, clientAddress}, {"[" + serverAddress6 + "]", "[" + clientAddress6 + "]"},
	} {
		from, to := family.server+":7000", family.client+":9999"
		genuine := b.bind(b.server, from, to)
		for _, text := range []string{"begin", "end"} {
			if _, err := genuine.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
			if texts := client.until(text); len(texts) > 0 {
				t.Errorf("received %q from another zone", texts)
			}
			b.send(dmz, from, to, "forged")
		}
	}
}

// A zone whose packets return on another interface can be told so, without admitting addresses of the unit.
func TestSourceValidationPerZone(t *testing.T) {
	b := newBed(t)
	b.connectDMZ()
	b.reachLAN()
	b.separatePlanes("lan", "wan", "dmz")
	client := b.listen(b.client, ":9999")
	for mode, want := range map[string][]string{
		"Strict": nil, "Loose": {dmzAddress}, "Disabled": {dmzAddress, "172.16.5.5"},
	} {
		b.apply(strings.Replace(everything, "[wan]}", "[wan], sourceValidation: "+mode+"}", 1))
		for i, from := range []string{dmzAddress, "172.16.5.5", lanAddress} {
			b.send(b.server, fmt.Sprintf("%s:%d", from, 4000+i), clientAddress+":9999", from)
		}
		b.send(b.server, serverAddress+":4444", clientAddress+":9999", "end")
		if texts := client.until("end"); fmt.Sprint(texts) != fmt.Sprint(want) {
			t.Errorf("%s: received from %q, want %q", mode, texts, want)
		}
	}
}

// Hosts without an address of their own ask for one, and look for others with the same.
func TestHostsWithoutAnAddressAreHeard(t *testing.T) {
	b := newBed(t)
	b.separatePlanes("lan", "wan")
	unit := b.listen(b.firewall, ":67")
	b.apply(head + "  services: [{name: dhcp, protocol: UDP, ports: [67]}]\n" +
		"  policies:\n  - {name: dhcp, from: [lan], to: [firewall], services: [dhcp], action: Accept}\n")
	b.in(b.client, "ip", "-4", "address", "flush", "dev", "eth0")
	b.in(b.client, "ip", "route", "add", "default", "dev", "eth0")
	b.broadcast(b.client, "255.255.255.255:67", "discover")
	if text, from, ok := unit.next(patience); !ok || text != "discover" || from.Addr() != netip.IPv4Unspecified() {
		t.Errorf("received %q from %s", text, from)
	}
	// Duplicate address detection of the firewall's own address fails only if the firewall answers.
	b.in(b.client, "ip", "address", "add", lanAddress6+"/64", "dev", "eth0")
	b.eventually(func() string { return b.in(b.client, "ip", "-6", "address", "show", "dev", "eth0") },
		gomega.ContainSubstring("dadfailed"))
}

// What a zone sends, and what answers it, leaves by no interface outside of the zones: not if it was translated, not if
// the connection was there before the rules.
func TestNothingIsForwardedToAnInterfaceOfNoZone(t *testing.T) {
	b := newBed(t)
	b.reachLAN()
	b.echo(b.client, ":8080")
	b.echo(b.neighbour, ":80")
	b.in(b.neighbour, "ip", "route", "add", "default", "via", "fd00::2")
	b.program.Terminate()
	b.in(b.firewall, "nft", "delete", "table", "inet", "hapair")
	before := map[string]*line{}
	for _, address := range []string{neighbourAddress + ":80", "[fd00::1]:80"} {
		before[address] = b.mustDial(b.client, address)
		if _, err := before[address].exchange("before", patience); err != nil {
			t.Fatal(err)
		}
	}
	b.start()
	b.in(b.firewall, "ip", "route", "add", "default", "via", podGateway)
	b.in(b.firewall, "ip", "route", "add", "default", "via", podGateway6)
	b.in(b.neighbour, "nft", "add table inet seen; add chain inet seen in { type filter hook prerouting priority raw; };"+
		"add rule inet seen in ip saddr { 203.0.113.1, 192.168.50.10 } counter;"+
		"add rule inet seen in ip6 saddr { 2001:db8:113::1, fd50::10 } counter")
	b.apply(strings.Replace(head, "[wan]}", "[wan], sourceValidation: Disabled}", 1) + `
  services:
  - {name: web, protocol: TCP, ports: [80]}
  policies:
  - {name: any, from: [wan, lan], to: [lan, wan], action: Accept}
  destinationNAT:
  - {name: web, from: wan, destination: 203.0.113.1, service: web, toAddress: 192.168.50.10, toPort: 8080}
  - {name: web6, from: wan, destination: "2001:db8:113::1", service: web, toAddress: "fd50::10", toPort: 8080}
`)
	b.mustReach(b.server, wanAddress+":80")
	b.mustReach(b.server, "["+wanAddress6+"]:80")
	for address, l := range before {
		if _, err := l.exchange("after", silence); !isTimeout(err) {
			t.Errorf("%s: a connection with an interface of no zone goes on: %v", address, err)
		}
	}
	// This client is behind a router of the WAN, and the unit has no route to it except the default one of the pod.
	b.in(b.server, "ip", "address", "add", "198.51.100.7/32", "dev", "lo")
	b.in(b.server, "ip", "address", "add", "2001:db8:7::7/128", "dev", "lo", "nodad")
	b.in(b.server, "ip", "route", "replace", "203.0.113.1", "dev", "eth0", "src", "198.51.100.7")
	b.in(b.server, "ip", "route", "replace", "2001:db8:113::1", "dev", "eth0", "src", "2001:db8:7::7")
	b.mustDrop(b.server, wanAddress+":80")
	b.mustDrop(b.server, "["+wanAddress6+"]:80")
	if seen := b.in(b.neighbour, "nft", "list", "chain", "inet", "seen", "in"); strings.Count(seen, "packets 0 ") != 2 {
		t.Errorf("the pod network saw packets of the segments:\n%s", seen)
	}
}

// A translation without a source is about the connections of others. The unit's own probes, and its answers, keep their
// addresses: on the standby, answers to a virtual address would reach the active.
func TestTheUnitsOwnTrafficIsNotTranslated(t *testing.T) {
	b := newBed(t)
	b.echo(b.server, ":80")
	b.echo(b.client, ":80")
	for _, address := range []string{"203.0.113.50/24", "2001:db8:113::50/64"} {
		b.in(b.firewall, "ip", "address", "add", address, "dev", "wan", "nodad")
	}
	b.apply(head + `
  services: [{name: web, protocol: TCP, ports: [80]}]
  policies:
  - {name: out, from: [lan], to: [wan], action: Accept}
  sourceNAT:
  - {name: out, to: wan, address: 203.0.113.1}
  - {name: out6, to: wan, address: "2001:db8:113::1"}
  - {name: in, to: lan, address: 192.168.50.1}
  destinationNAT:
  - {name: web, from: wan, destination: 203.0.113.9, service: web, toAddress: 192.168.50.10}
`)
	for _, family := range []struct{ server, own, translated string }{
		{serverAddress, "203.0.113.50", wanAddress}, {"[" + serverAddress6 + "]", "2001:db8:113::50", wanAddress6},
	} {
		if seen, _ := b.mustReach(b.client, family.server+":80"); seen.Addr().String() != family.translated {
			t.Errorf("the server saw %s, want %s for a connection of the LAN", seen, family.translated)
		}
		if seen := b.mustReachFrom(b.firewall, family.own, family.server+":80"); seen.Addr().String() != family.own {
			t.Errorf("the server saw %s, want %s for a connection of the unit", seen, family.own)
		}
	}
	server := b.listen(b.server, ":9999")
	b.send(b.firewall, "203.0.113.50:4000", serverAddress+":9999", "probe")
	if _, from, _ := server.next(patience); from.String() != "203.0.113.50:4000" {
		t.Errorf("a datagram of the unit came from %s", from)
	}
	if !b.ping(b.firewall, serverAddress, 0, patience) {
		t.Error("an echo request of the unit is not answered")
	}
}

// The zone firewall is not every address of the pod.
func TestZoneFirewallIsTheAddressesOfTheInterface(t *testing.T) {
	b := newBed(t)
	b.echo(b.firewall, ":80")
	b.echo(b.firewall, podAddress+":81")
	b.in(b.firewall, "ip", "address", "add", "192.168.50.2/24", "dev", "lan")
	b.reachLAN()
	b.apply(head + "  policies:\n  - {name: manage, from: [lan, wan], to: [firewall], action: Accept}\n")
	b.mustReach(b.client, lanAddress+":80")
	b.mustReach(b.client, "192.168.50.2:80")
	b.mustReach(b.client, "["+lanAddress6+"]:80")
	b.mustReach(b.server, wanAddress+":80")
	b.mustReach(b.neighbour, podAddress+":81")
	for _, address := range []string{
		podAddress + ":80", podAddress + ":81", "[fd00::2]:80", wanAddress + ":80", "[" + wanAddress6 + "]:80",
	} {
		b.mustDrop(b.client, address)
	}
	b.mustDrop(b.server, lanAddress+":80")

	unit := b.listen(b.firewall, ":9999")
	b.broadcast(b.client, "192.168.50.255:9999", "to everyone")
	if text, _, ok := unit.next(patience); !ok || text != "to everyone" {
		t.Errorf("received %q of a broadcast", text)
	}
}
