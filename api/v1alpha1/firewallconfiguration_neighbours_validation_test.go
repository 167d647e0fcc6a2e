//go:build apiserver

package v1alpha1_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("Neighbours of a FirewallConfiguration", func() {
	host := v1alpha1.FirewallNeighbour{Interface: "lan", Address: "192.168.50.77", MAC: "02:00:5e:10:00:77"}
	changed := func(change func(*v1alpha1.FirewallNeighbour)) v1alpha1.FirewallNeighbour {
		n := host
		change(&n)
		return n
	}
	DescribeTable("accepts",
		func(ctx SpecContext, neighbour v1alpha1.FirewallNeighbour) {
			configuration := newFirewall()
			configuration.Spec.Neighbours = []v1alpha1.FirewallNeighbour{neighbour}
			Expect(trial.Create(ctx, configuration)).To(Succeed())
		},
		Entry("a host", host),
		Entry("a link-local host", changed(func(n *v1alpha1.FirewallNeighbour) { n.Address = "fe80::77" })),
		Entry("a published address", v1alpha1.FirewallNeighbour{Interface: "wan", Address: "203.0.113.80", Publish: true}),
	)
	const first = "spec.neighbours[0]"
	DescribeTable("refuses",
		func(ctx SpecContext, field, remedy string, neighbour v1alpha1.FirewallNeighbour) {
			configuration := newFirewall()
			configuration.Spec.Neighbours = []v1alpha1.FirewallNeighbour{neighbour}
			expectRefusal(ctx, configuration, field, remedy)
		},
		Entry("neither a MAC nor publish", first, "mac or publish must be set",
			changed(func(n *v1alpha1.FirewallNeighbour) { n.MAC = "" })),
		Entry("both", first+".mac", "mac is not used with publish",
			changed(func(n *v1alpha1.FirewallNeighbour) { n.Publish = true })),
		Entry("a group's MAC", first+".mac", "mac must be a unicast MAC address",
			changed(func(n *v1alpha1.FirewallNeighbour) { n.MAC = "03:00:5e:10:00:77" })),
		Entry("a group", first+".address", "address must be a unicast address",
			changed(func(n *v1alpha1.FirewallNeighbour) { n.Address = "224.0.0.1" })),
		Entry("a prefix", first+".address", "without a prefix length",
			changed(func(n *v1alpha1.FirewallNeighbour) { n.Address = "192.168.50.0/24" })),
		Entry("no interface's name", first+".interface", "must be named as a network of the pair",
			changed(func(n *v1alpha1.FirewallNeighbour) { n.Interface = "LAN" })),
	)
})
