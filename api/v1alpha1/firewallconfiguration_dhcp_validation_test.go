//go:build apiserver

package v1alpha1_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("DHCP of a FirewallConfiguration", func() {
	type network = v1alpha1.DHCPNetwork
	changed := func(change func(*network)) network {
		n := network{
			Interface: "lan", Subnet: "192.168.50.0/24", Address: "192.168.50.1",
			Ranges: []string{"192.168.50.100-192.168.50.199"},
		}
		change(&n)
		return n
	}
	options := func(o v1alpha1.DHCPOptions) network { return changed(func(n *network) { n.Options = o }) }
	reservations := func(list ...v1alpha1.DHCPReservation) network {
		return changed(func(n *network) { n.Reservations = list })
	}
	reservation := func(mac, address, hostname string) network {
		return reservations(v1alpha1.DHCPReservation{MAC: mac, Address: address, Hostname: hostname})
	}
	DescribeTable("accepts",
		func(ctx SpecContext, n network) {
			configuration := newFirewall()
			configuration.Spec.DHCP = &v1alpha1.FirewallDHCP{Networks: []network{n}}
			Expect(trial.Create(ctx, configuration)).To(Succeed())
		},
		Entry("a range", changed(func(*network) {})),
		Entry("a prefix, with blanks in a range", changed(func(n *network) {
			n.Ranges = []string{"192.168.50.128/26", "192.168.50.2 - 192.168.50.9", "192.168.50.20"}
		})),
		Entry("reservations alone", changed(func(n *network) {
			n.Ranges = nil
			n.Reservations = []v1alpha1.DHCPReservation{{MAC: "02:00:5E:10:00:77", Address: "192.168.50.20", Hostname: "a-1"}}
		})),
		Entry("512 reservations", changed(func(n *network) {
			n.Subnet = "192.168.0.0/16"
			for i := range 512 {
				n.Reservations = append(n.Reservations, v1alpha1.DHCPReservation{
					MAC: fmt.Sprintf("02:00:5e:10:%02x:%02x", i/256, i%256), Address: fmt.Sprintf("192.168.%d.%d", 60+i/256, i%256),
				})
			}
		})),
		Entry("relays, by an address of another network", changed(func(n *network) {
			n.Subnet, n.Ranges, n.Relays = "192.168.60.0/24", []string{"192.168.60.9"}, []string{"192.168.60.1"}
		})),
		Entry("the shortest and the longest lease", changed(func(n *network) { n.LeaseSeconds = 2592000 })),
		Entry("every option", options(v1alpha1.DHCPOptions{
			Routers: []string{"192.168.50.1"}, DNSServers: []string{"192.0.2.53"}, Domain: "example.com",
			NTPServers: []string{"192.0.2.123"}, MTU: 1400, CaptivePortal: "https://portal.example.com/api",
			ClasslessRoutes: []v1alpha1.DHCPRoute{
				{To: "10.20.0.0/16", Via: "192.168.50.254"}, {To: "0.0.0.0/0", Via: "192.168.50.1"},
			},
		})),
	)

	const first = "spec.dhcp.networks[0]"
	DescribeTable("refuses",
		func(ctx SpecContext, field, message string, n network) {
			configuration := newFirewall()
			configuration.Spec.DHCP = &v1alpha1.FirewallDHCP{Networks: []network{n}}
			err := trial.Create(ctx, configuration)
			Expect(err).To(MatchError(ContainSubstring(field)))
			Expect(err).To(MatchError(ContainSubstring(message)))
		},
		Entry("a name that no network can have", first+".interface", "must be named as a network of the pair",
			changed(func(n *network) { n.Interface = "LAN" })),
		Entry("nothing to give", first+".ranges", "ranges or reservations must be set",
			changed(func(n *network) { n.Ranges = nil })),
		Entry("a subnet of IPv6", first+".subnet", "must be an IPv4 prefix",
			changed(func(n *network) { n.Subnet = "2001:db8::/64" })),
		Entry("a subnet with more bits", first+".subnet", "must be an IPv4 prefix",
			changed(func(n *network) { n.Subnet = "192.168.50.1/24" })),
		Entry("a subnet of two addresses", first+".subnet", "at most 30 bits",
			changed(func(n *network) { n.Subnet = "192.168.50.0/31" })),
		Entry("a server outside", first+".address", "must be in the subnet",
			changed(func(n *network) { n.Address = "203.0.113.1" })),
		Entry("a server with a prefix length", first+".address", "must be a virtual IPv4 address",
			changed(func(n *network) { n.Address = "192.168.50.1/24" })),
		Entry("a range by name", first+".ranges[0]", "should match",
			changed(func(n *network) { n.Ranges = []string{"guests"} })),
		Entry("17 ranges", first+".ranges", "at most 16 items",
			changed(func(n *network) { n.Ranges = strings.Split(strings.Repeat("192.168.50.9,", 16)+"192.168.50.9", ",") })),
		Entry("a group's MAC", first+".reservations[0].mac", "must be a unicast MAC address",
			reservation("01:00:5e:10:00:77", "192.168.50.20", "")),
		Entry("a reservation outside", first+".reservations", "must be in the subnet",
			reservation("02:00:5e:10:00:77", "192.168.60.20", "")),
		Entry("a name with a domain", first+".reservations[0].hostname", "hostname must have only",
			reservation("02:00:5e:10:00:77", "192.168.50.20", "a.b")),
		Entry("a relay outside", first+".relays", "relays must be in the subnet",
			changed(func(n *network) { n.Relays = []string{"192.168.60.1"} })),
		Entry("a short lease", first+".leaseSeconds", "greater than or equal to 60",
			changed(func(n *network) { n.LeaseSeconds = 59 })),
		Entry("a long lease", first+".leaseSeconds", "less than or equal to 2592000",
			changed(func(n *network) { n.LeaseSeconds = 2592001 })),
		Entry("a DNS server of IPv6", first+".options.dnsServers[0]", "must be an IPv4 address",
			options(v1alpha1.DHCPOptions{DNSServers: []string{"2001:db8::53"}})),
		Entry("five routers", first+".options.routers", "at most 4 items",
			options(v1alpha1.DHCPOptions{Routers: strings.Split("1.0.0.1,1.0.0.2,1.0.0.3,1.0.0.4,1.0.0.5", ",")})),
		Entry("a time server by name", first+".options.ntpServers[0]", "must be an IPv4 address",
			options(v1alpha1.DHCPOptions{NTPServers: []string{"time"}})),
		Entry("a domain with a dot at its end", first+".options.domain", "domain must be a DNS name",
			options(v1alpha1.DHCPOptions{Domain: "example.com."})),
		Entry("a small MTU", first+".options.mtu", "greater than or equal to 576",
			options(v1alpha1.DHCPOptions{MTU: 575})),
		Entry("a portal in clear", first+".options.captivePortal", "begins with https://",
			options(v1alpha1.DHCPOptions{CaptivePortal: "http://portal.example.com"})),
		Entry("a route of IPv6", first+".options.classlessRoutes[0].to", "must be an IPv4 prefix",
			options(v1alpha1.DHCPOptions{ClasslessRoutes: []v1alpha1.DHCPRoute{{To: "2001:db8::/32", Via: "192.168.50.2"}}})),
	)
})
