//go:build apiserver

package v1alpha1_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("Multicast of a FirewallConfiguration", func() {
	changed := func(change func(*v1alpha1.FirewallMulticast)) v1alpha1.FirewallMulticast {
		m := v1alpha1.FirewallMulticast{Upstream: "wan", Downstream: []string{"lan"}, Groups: []string{"239.0.0.0/8"}}
		change(&m)
		return m
	}
	groups := func(groups ...string) v1alpha1.FirewallMulticast {
		return changed(func(m *v1alpha1.FirewallMulticast) { m.Groups = groups })
	}
	downstream := func(names ...string) v1alpha1.FirewallMulticast {
		return changed(func(m *v1alpha1.FirewallMulticast) { m.Downstream = names })
	}
	numbered := func(format string, n int) (names []string) {
		for i := range n {
			names = append(names, fmt.Sprintf(format, i))
		}
		return names
	}
	DescribeTable("accepts",
		func(ctx SpecContext, multicast v1alpha1.FirewallMulticast) {
			configuration := newFirewall()
			configuration.Spec.Multicast = &multicast
			Expect(trial.Create(ctx, configuration)).To(Succeed())
		},
		Entry("all groups", groups()),
		Entry("groups of both families", groups("239.0.0.0/8", "ff08::/16")),
		Entry("all multicast addresses", groups("224.0.0.0/4", "ff00::/8")),
		Entry("one group", groups("239.1.2.3/32", "ff08::123/128")),
		Entry("64 prefixes", groups(numbered("239.%d.0.0/16", 64)...)),
		Entry("31 downstream networks", downstream(numbered("lan%d", 31)...)),
		Entry("the longest name", downstream(strings.Repeat("l", 15))),
	)
	const first = "spec.multicast"
	DescribeTable("refuses",
		func(ctx SpecContext, field, remedy string, multicast v1alpha1.FirewallMulticast) {
			configuration := newFirewall()
			configuration.Spec.Multicast = &multicast
			expectRefusal(ctx, configuration, field, remedy)
		},
		Entry("no upstream network", first+".upstream", "at least 1 chars",
			changed(func(m *v1alpha1.FirewallMulticast) { m.Upstream = "" })),
		Entry("an upstream name that no network can have", first+".upstream", "must be named as a network of the pair",
			changed(func(m *v1alpha1.FirewallMulticast) { m.Upstream = "WAN" })),
		Entry("an upstream name beyond the bound", first+".upstream", "may not be more than 15",
			changed(func(m *v1alpha1.FirewallMulticast) { m.Upstream = strings.Repeat("w", 16) })),
		Entry("no downstream network", first+".downstream", "at least 1 items", downstream([]string{}...)),
		Entry("32 downstream networks", first+".downstream", "at most 31 items", downstream(numbered("lan%d", 32)...)),
		Entry("a downstream name that no network can have", first+".downstream[1]", "must be named as a network of the pair",
			downstream("lan", "lan/1")),
		Entry("one network on both sides", first+".downstream", "upstream must not be downstream too",
			downstream("lan", "wan")),
		Entry("65 prefixes", first+".groups", "at most 64 items", groups(numbered("239.%d.0.0/16", 65)...)),
		Entry("a group without a prefix length", first+".groups[0]", "must be a prefix of multicast addresses",
			groups("239.1.2.3")),
		Entry("a group by name", first+".groups[0]", "must be a prefix of multicast addresses", groups("television")),
		Entry("a prefix of hosts", first+".groups[1]", "must be a prefix of multicast addresses",
			groups("239.0.0.0/8", "10.0.0.0/8")),
		Entry("a prefix of hosts of IPv6", first+".groups[0]", "must be a prefix of multicast addresses",
			groups("2001:db8::/32")),
		Entry("more than multicast addresses", first+".groups[0]", "must be a prefix of multicast addresses",
			groups("224.0.0.0/3")),
		Entry("groups of one link", first+".groups[0]", "never forwarded", groups("224.0.0.0/24")),
		Entry("one group of a link", first+".groups[0]", "never forwarded", groups("224.0.0.251/32")),
		Entry("groups of one link of IPv6", first+".groups[0]", "never forwarded", groups("ff02::/16")),
		Entry("groups of one interface of IPv6", first+".groups[0]", "never forwarded", groups("ff01::1/128")),
	)
})
