//go:build apiserver

package v1alpha1_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("Dynamic address objects of a FirewallConfiguration", func() {
	object := func(o v1alpha1.AddressObject) func(*v1alpha1.FirewallConfiguration) {
		o.Name = "updates"
		return func(c *v1alpha1.FirewallConfiguration) { c.Spec.Addresses = []v1alpha1.AddressObject{o} }
	}
	remember := func(r v1alpha1.Remember) func(*v1alpha1.FirewallConfiguration) {
		return func(c *v1alpha1.FirewallConfiguration) {
			c.Spec.Policies = []v1alpha1.FirewallPolicy{{
				Name: "trap", From: []string{"wan"}, To: []string{"firewall"}, Action: "Drop", Remember: r,
			}}
		}
	}
	resolvers := func(all ...string) func(*v1alpha1.FirewallConfiguration) {
		return func(c *v1alpha1.FirewallConfiguration) { c.Spec.Resolvers = all }
	}
	DescribeTable("accepts",
		func(ctx SpecContext, change func(*v1alpha1.FirewallConfiguration)) {
			configuration := newFirewall()
			change(configuration)
			Expect(trial.Create(ctx, configuration)).To(Succeed())
		},
		Entry("names", object(v1alpha1.AddressObject{FQDN: []string{"updates.example.com", "_x.a-b.example"}})),
		Entry("addresses that policies remember", object(v1alpha1.AddressObject{Dynamic: true})),
		Entry("members too", object(v1alpha1.AddressObject{Dynamic: true, Members: []string{"192.0.2.1"}})),
		Entry("a policy that remembers", remember(v1alpha1.Remember{Object: "scanners", Seconds: 65535})),
		Entry("the destination", remember(v1alpha1.Remember{Object: "scanners", Seconds: 1, Side: "Destination"})),
		Entry("resolvers", resolvers("192.0.2.53", "2001:db8::53")),
	)
	DescribeTable("refuses",
		func(ctx SpecContext, field, remedy string, change func(*v1alpha1.FirewallConfiguration)) {
			configuration := newFirewall()
			change(configuration)
			expectRefusal(ctx, configuration, field, remedy)
		},
		Entry("an object without addresses", "spec.addresses[0].members", "members, fqdn or dynamic must be set",
			object(v1alpha1.AddressObject{})),
		Entry("a wildcard", "spec.addresses[0].fqdn[0]", "should match",
			object(v1alpha1.AddressObject{FQDN: []string{"*.example.com"}})),
		Entry("a name without a domain", "spec.addresses[0].fqdn[0]", "should match",
			object(v1alpha1.AddressObject{FQDN: []string{"localhost"}})),
		Entry("no time", "spec.policies[0].remember.seconds", "should be greater than or equal to 1",
			remember(v1alpha1.Remember{Object: "scanners"})),
		Entry("both sides", "spec.policies[0].remember.side", "supported values",
			remember(v1alpha1.Remember{Object: "scanners", Seconds: 1, Side: "Both"})),
		Entry("a resolver's name", "spec.resolvers[0]", "a resolver must be an IPv4 or IPv6 address",
			resolvers("dns.example.com")),
		Entry("a resolver on the loopback", "spec.resolvers[0]", "must be a unicast address", resolvers("127.0.0.53")),
	)
})
