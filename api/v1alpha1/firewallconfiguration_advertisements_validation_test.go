//go:build apiserver

package v1alpha1_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("Router advertisements of a FirewallConfiguration", func() {
	type network = v1alpha1.AdvertisedNetwork
	changed := func(change func(*network)) network {
		n := network{Interface: "lan", Address: "fe80::1", Prefixes: []v1alpha1.AdvertisedPrefix{{Prefix: "fd50::/64"}}}
		change(&n)
		return n
	}
	prefix := func(p v1alpha1.AdvertisedPrefix) network {
		return changed(func(n *network) { n.Prefixes = []v1alpha1.AdvertisedPrefix{p} })
	}
	create := func(ctx SpecContext, n network) error {
		configuration := newFirewall()
		configuration.Spec.RouterAdvertisements = &v1alpha1.FirewallRouterAdvertisements{Networks: []network{n}}
		return trial.Create(ctx, configuration)
	}
	DescribeTable("accepts",
		func(ctx SpecContext, n network) { Expect(create(ctx, n)).To(Succeed()) },
		Entry("a prefix", changed(func(*network) {})),
		Entry("a router alone", changed(func(n *network) { n.Prefixes = nil })),
		Entry("every field", changed(func(n *network) {
			n.DefaultRouter, n.Preference, n.LifetimeSeconds, n.IntervalSeconds = "Disabled", "High", 9000, 1800
			n.Managed, n.OtherConfiguration, n.MTU = true, true, 1280
			n.DNSServers, n.SearchDomains = []string{"2001:db8::53", "fe80::1"}, []string{"example.com"}
			n.Prefixes = append(n.Prefixes, v1alpha1.AdvertisedPrefix{
				Prefix: "2001:db8::/48", OnLink: "Disabled", Autonomous: "Disabled", ValidSeconds: 600, PreferredSeconds: 600,
			})
		})),
		Entry("a prefix that is valid for less than the usual preference",
			prefix(v1alpha1.AdvertisedPrefix{Prefix: "fd50::/64", ValidSeconds: 60})),
	)

	const first = "spec.routerAdvertisements.networks[0]"
	DescribeTable("refuses",
		func(ctx SpecContext, field, message string, n network) {
			err := create(ctx, n)
			Expect(err).To(MatchError(ContainSubstring(field)))
			Expect(err).To(MatchError(ContainSubstring(message)))
		},
		Entry("a name that no network can have", first+".interface", "must be named as a network of the pair",
			changed(func(n *network) { n.Interface = "LAN" })),
		Entry("a global address", first+".address", "must be a virtual link-local IPv6 address",
			changed(func(n *network) { n.Address = "fd50::1" })),
		Entry("an address with a prefix length", first+".address", "must be a virtual link-local IPv6 address",
			changed(func(n *network) { n.Address = "fe80::1/64" })),
		Entry("a short interval", first+".intervalSeconds", "greater than or equal to 4",
			changed(func(n *network) { n.IntervalSeconds = 3 })),
		Entry("a lifetime below the interval", first+".lifetimeSeconds", "must be at least intervalSeconds",
			changed(func(n *network) { n.LifetimeSeconds, n.IntervalSeconds = 299, 300 })),
		Entry("a lifetime below the usual interval", first+".lifetimeSeconds", "must be at least intervalSeconds",
			changed(func(n *network) { n.LifetimeSeconds = 599 })),
		Entry("an unknown preference", first+".preference", "Unsupported value",
			changed(func(n *network) { n.Preference = "Highest" })),
		Entry("a small MTU", first+".mtu", "greater than or equal to 1280",
			changed(func(n *network) { n.MTU = 1279 })),
		Entry("a DNS server of IPv4", first+".dnsServers[0]", "must be an IPv6 address",
			changed(func(n *network) { n.DNSServers = []string{"192.0.2.53"} })),
		Entry("a domain with a dot at its end", first+".searchDomains[0]", "must be a DNS name",
			changed(func(n *network) { n.SearchDomains = []string{"example.com."} })),
		Entry("long domains", first+".searchDomains", "at most 240 bytes together",
			changed(func(n *network) {
				n.SearchDomains = []string{strings.Repeat("a.", 60) + "a", strings.Repeat("b.", 60) + "b"}
			})),
		Entry("a prefix of IPv4", first+".prefixes[0].prefix", "must be an IPv6 prefix",
			prefix(v1alpha1.AdvertisedPrefix{Prefix: "192.168.50.0/24", Autonomous: "Disabled"})),
		Entry("a link-local prefix", first+".prefixes[0].prefix", "must be an IPv6 prefix",
			prefix(v1alpha1.AdvertisedPrefix{Prefix: "fe80::/64"})),
		Entry("more bits than hosts take", first+".prefixes[0].prefix", "must have 64 bits",
			prefix(v1alpha1.AdvertisedPrefix{Prefix: "fd50::/80"})),
		Entry("a prefix that is preferred for longer than valid", first+".prefixes[0].preferredSeconds",
			"must be at most validSeconds",
			prefix(v1alpha1.AdvertisedPrefix{Prefix: "fd50::/64", ValidSeconds: 600, PreferredSeconds: 601})),
		Entry("nine prefixes", first+".prefixes", "at most 8 items",
			changed(func(n *network) { n.Prefixes = make([]v1alpha1.AdvertisedPrefix, 9) })),
	)
})
