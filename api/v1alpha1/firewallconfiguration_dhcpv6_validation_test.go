//go:build apiserver

package v1alpha1_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("DHCPv6 of a FirewallConfiguration", func() {
	type network = v1alpha1.DHCPv6Network
	changed := func(change func(*network)) network {
		n := network{Interface: "lan", Address: "fe80::1", DNSServers: []string{"fd50::1"}}
		change(&n)
		return n
	}
	create := func(ctx SpecContext, n network) error {
		configuration := newFirewall()
		configuration.Spec.DHCPv6 = &v1alpha1.FirewallDHCPv6{Networks: []network{n}}
		return trial.Create(ctx, configuration)
	}
	DescribeTable("accepts",
		func(ctx SpecContext, n network) { Expect(create(ctx, n)).To(Succeed()) },
		Entry("a DNS server", changed(func(*network) {})),
		Entry("all fields", changed(func(n *network) {
			n.SearchDomains, n.NTPServers, n.RefreshSeconds = []string{"example.com"}, []string{"fe80::1"}, 600
		})),
	)

	const at = "spec.dhcpv6.networks[0]"
	DescribeTable("refuses",
		func(ctx SpecContext, field, message string, n network) {
			err := create(ctx, n)
			Expect(err).To(MatchError(ContainSubstring(field)))
			Expect(err).To(MatchError(ContainSubstring(message)))
		},
		Entry("a global address", at+".address", "virtual link-local", changed(func(n *network) { n.Address = "fd50::1" })),
		Entry("nothing to tell", at+".dnsServers", "must be set", changed(func(n *network) { n.DNSServers = nil })),
		Entry("a server of IPv4", at+".dnsServers[0]", "must be an IPv6 address",
			changed(func(n *network) { n.DNSServers = []string{"192.0.2.53"} })),
		Entry("a short refresh", at+".refreshSeconds", "600", changed(func(n *network) { n.RefreshSeconds = 599 })),
	)
})
