//go:build netns

package firewall_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/onsi/gomega"
)

// openWAN is a site whose WAN has the default routes, and admits everything.
const openWAN = head + "  policies: [{name: any, from: [lan, wan], to: [lan, wan, firewall], action: Accept}]\n"

// reservedSources are addresses from which no router of the Internet forwards, and publicSources are others.
var (
	reservedSources = []string{
		"0.1.2.3", "10.0.0.1", "10.9.9.9", "10.255.255.255", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.1.2.3",
		"169.254.1.1", "172.16.5.5", "172.31.255.254", "192.168.1.1", "192.168.255.254", "198.18.0.1", "240.0.0.1",
		"255.255.255.254", podAddress, "10.244.0.77",
		"fd99::1", "fc00::1", "fdff:ffff::1", "fd00::77", "fec0::1", "100::1", "64:ff9b:1::1", "5f00::1",
	}
	publicSources = []string{
		"8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.254", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.167.0.1",
		"192.169.0.1", "198.51.100.7", "223.255.255.254", "2001:db8:99::1", "2a00::1", "64:ff9b::808:808",
	}
)

// received sends a datagram from each source from the server to the client and to the unit, and returns the sources
// that arrived at both.
func (b *bed) received(client, unit inbox, sources ...string) []string {
	b.Helper()
	end, end6 := serverAddress+":7000", "["+serverAddress6+"]:7000"
	var arrived [2][]string
	for n, in := range []struct {
		inbox
		port     int
		to4, to6 string
	}{{client, 9999, clientAddress, clientAddress6}, {unit, 9998, wanAddress, wanAddress6}} {
		to4, to6 := fmt.Sprintf("%s:%d", in.to4, in.port), fmt.Sprintf("[%s]:%d", in.to6, in.port)
		for i, from := range sources {
			if netip.MustParseAddr(from).Is4() {
				b.forge(b.server, fmt.Sprintf("%s:%d", from, 4000+i), to4, from)
			} else {
				b.send(b.server, fmt.Sprintf("[%s]:%d", from, 4000+i), to6, from)
			}
		}
		// The neighbours of the two families are found at different times.
		for _, last := range []struct{ from, to string }{{end, to4}, {end6, to6}} {
			b.send(b.server, last.from, last.to, "end")
			arrived[n] = append(arrived[n], in.until("end")...)
		}
	}
	if !slices.Equal(arrived[0], arrived[1]) {
		b.Errorf("the client received from %q, and the unit from %q", arrived[0], arrived[1])
	}
	return arrived[0]
}

func (b *bed) mustReceive(when string, client, unit inbox, sources []string, want ...string) {
	b.Helper()
	if got := b.received(client, unit, sources...); !slices.Equal(got, want) {
		b.Errorf("%s: received from %q, want %q", when, got, want)
	}
}

// defaultRoutes gives the data plane's table default routes by the WAN.
func (b *bed) defaultRoutes(prefixes, prefixes6 []string) {
	b.Helper()
	for _, p := range prefixes {
		b.in(b.firewall, "ip", "route", "add", p, "via", serverAddress, "dev", "wan", "table", "7780", "proto", "bgp")
	}
	for _, p := range prefixes6 {
		b.in(b.firewall, "ip", "-6", "route", "add", p, "via", serverAddress6, "dev", "wan", "table", "7780", "proto",
			"bgp")
	}
}

// A default route covers every address. It makes no private or reserved one genuine, and neither do two halves of it.
// A route that is meant for such an address does.
func TestReservedSourcesThatOnlyTheDefaultRouteCoversAreDropped(t *testing.T) {
	b := newBed(t)
	b.reachLAN()
	b.setPlanes()
	b.defaultRoutes([]string{"default"}, []string{"default"})
	client, unit := b.listen(b.client, ":9999"), b.listen(b.firewall, ":9998")
	b.apply(openWAN)
	b.mustReceive("reserved", client, unit, reservedSources)
	b.mustReceive("public", client, unit, publicSources, publicSources...)

	for _, family := range []string{"-4", "-6"} {
		b.in(b.firewall, "ip", family, "route", "del", "default", "dev", "wan", "table", "7780")
	}
	b.defaultRoutes([]string{"0.0.0.0/1", "128.0.0.0/1"}, []string{"::/1", "8000::/1", "2000::/3"})
	b.mustReceive("reserved, with half routes", client, unit, reservedSources)
	b.mustReceive("public, with half routes", client, unit, publicSources, publicSources...)

	// Static routes, and a second network of the WAN.
	b.defaultRoutes([]string{"10.9.0.0/16", "240.0.0.0/4"}, []string{"fd99::/16"})
	b.in(b.firewall, "ip", "address", "add", "172.16.5.1/24", "dev", "wan")
	b.in(b.firewall, "ip", "address", "add", "fc00::7/64", "dev", "wan", "nodad")
	b.setPlanes()
	b.mustReceive("reserved, with routes", client, unit, reservedSources,
		"10.9.9.9", "172.16.5.5", "240.0.0.1", "255.255.255.254", "fd99::1", "fc00::1")
}

// A node may give pods public addresses. No packet from the pod network arrives by the Internet, so a default route
// makes none genuine either, and a route that is meant for it does. That follows the pod's addresses. A prefix that is
// too short for a network reserves nothing.
func TestSourcesInThePublicPodNetworkThatOnlyTheDefaultRouteCoversAreDropped(t *testing.T) {
	b := newBed(t)
	b.reachLAN()
	pod := func(action string, prefixes ...string) {
		t.Helper()
		for _, p := range prefixes {
			b.in(b.firewall, "ip", "address", action, p, "dev", "eth0", "nodad")
		}
	}
	pod("add", "198.51.100.2/24", "2001:db8:99::2/64", "9.0.0.1/3")
	b.setPlanes()
	b.defaultRoutes([]string{"default"}, []string{"default"})
	client, unit := b.listen(b.client, ":9999"), b.listen(b.firewall, ":9998")
	b.apply(openWAN)
	pods := []string{"198.51.100.1", "198.51.100.254", "2001:db8:99::1", "2001:db8:99::9"}
	others := []string{"198.51.99.254", "198.51.101.1", "8.8.8.8", "2001:db8:98::1", "2001:db8:9a::1"}
	b.mustReceive("the pod network", client, unit, pods)
	b.mustReceive("its neighbours", client, unit, others, others...)

	b.defaultRoutes([]string{"198.51.100.128/25"}, []string{"2001:db8:99::8/125"})
	b.mustReceive("with routes", client, unit, pods, "198.51.100.254", "2001:db8:99::9")

	// The other MTU makes the firewall look at once, and not within 10 s.
	pod("del", "198.51.100.2/24", "2001:db8:99::2/64")
	pod("add", "198.51.101.2/24", "2001:db8:9a::2/64")
	b.in(b.firewall, "ip", "link", "set", "eth0", "mtu", "1400")
	b.eventually(func() string { return b.set("reserved.ipv6") }, gomega.ContainSubstring("2001:db8:9a::/64"))
	b.mustReceive("another pod network", client, unit, append(pods, others...),
		"198.51.100.1", "198.51.100.254", "2001:db8:99::1", "2001:db8:99::9", "198.51.99.254", "8.8.8.8", "2001:db8:98::1")
}

// set returns a set of the firewall as nft prints it.
func (b *bed) set(name string) string {
	b.Helper()
	return b.in(b.firewall, "nft", "list", "set", "inet", "hapair", name)
}

// A zone that is told to be less strict admits what its route covers.
func TestReservedSourcesOfALooseZone(t *testing.T) {
	b := newBed(t)
	b.reachLAN()
	b.setPlanes()
	b.defaultRoutes([]string{"default"}, []string{"default"})
	client, unit := b.listen(b.client, ":9999"), b.listen(b.firewall, ":9998")
	sources := []string{"10.9.9.9", "100.64.0.1", "fd99::1"}
	for mode, want := range map[string][]string{"Strict": nil, "Loose": sources, "Disabled": sources} {
		b.apply(strings.Replace(openWAN, "[wan]}", "[wan], sourceValidation: "+mode+"}", 1))
		b.mustReceive(mode, client, unit, sources, want...)
	}
}

// Routers of a provider have private addresses, and a connection needs their errors. Nothing else passes from them.
func TestErrorsFromPrivateRoutersOfTheProviderPass(t *testing.T) {
	b := newBed(t)
	b.reachLAN()
	b.setPlanes()
	b.defaultRoutes([]string{"default"}, []string{"default"})
	b.in(b.server, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
	b.in(b.server, "ip", "address", "add", "10.9.9.9/32", "dev", "lo")
	b.in(b.server, "ip", "address", "add", "fd99::1/128", "dev", "lo", "nodad")
	b.in(b.server, "ip", "route", "add", "192.168.50.0/24", "via", wanAddress, "src", "10.9.9.9")
	b.in(b.server, "ip", "route", "add", "fd50::/64", "via", wanAddress6, "src", "fd99::1")
	b.in(b.server, "ip", "route", "add", "unreachable", "198.51.100.9")
	b.in(b.server, "ip", "route", "add", "unreachable", "2001:db8:99::9")
	b.apply(openWAN)
	b.in(b.client, "nft", "add table inet seen; add chain inet seen in { type filter hook input priority raw; };"+
		"add rule inet seen in ip saddr != 10.9.9.9 icmp type destination-unreachable drop;"+
		"add rule inet seen in ip6 saddr != fd99::1 icmpv6 type destination-unreachable drop")
	b.mustReject(b.client, "198.51.100.9:80", syscall.EHOSTUNREACH)
	b.mustReject(b.client, "[2001:db8:99::9]:80", syscall.ENETUNREACH)
	// The router does not become a source from which everything passes.
	client, unit := b.listen(b.client, ":9999"), b.listen(b.firewall, ":9998")
	b.mustReceive("after errors", client, unit, []string{"10.9.9.9", "fd99::1"})
}
