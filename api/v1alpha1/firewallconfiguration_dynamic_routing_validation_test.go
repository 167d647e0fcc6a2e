//go:build apiserver

package v1alpha1_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("Dynamic routing of a FirewallConfiguration", func() {
	changed := func(change func(*v1alpha1.DynamicRouting)) v1alpha1.DynamicRouting {
		d := v1alpha1.DynamicRouting{
			RouterID: "203.0.113.1",
			OSPF: &v1alpha1.OSPF{Areas: []v1alpha1.OSPFArea{{
				ID: "0.0.0.0", Interfaces: []v1alpha1.OSPFInterface{{Name: "wan"}},
			}}},
			BGP: &v1alpha1.BGP{ASN: 65001, Neighbours: []v1alpha1.BGPNeighbour{{
				Address: "203.0.113.9", LocalAddress: "203.0.113.1", ASN: 65002,
			}}},
		}
		change(&d)
		return d
	}
	DescribeTable("accepts",
		func(ctx SpecContext, d v1alpha1.DynamicRouting) {
			configuration := newFirewall()
			configuration.Spec.Routing.Dynamic = &d
			Expect(trial.Create(ctx, configuration)).To(Succeed())
		},
		Entry("OSPF and BGP", changed(func(*v1alpha1.DynamicRouting) {})),
		Entry("RIP without an ID", changed(func(d *v1alpha1.DynamicRouting) {
			*d = v1alpha1.DynamicRouting{RIP: &v1alpha1.RIP{Interfaces: []v1alpha1.RIPInterface{{Name: "lan", Passive: true}}}}
		})),
		Entry("every field", changed(func(d *v1alpha1.DynamicRouting) {
			d.Raw = "router ospf\n max-metric router-lsa administrative\nexit\n"
			d.OSPF.Areas[0].Type, d.OSPF.Redistribute = "Normal", []v1alpha1.RedistributedRoutes{"Connected", "Static"}
			d.OSPF.Areas[0].Interfaces[0] = v1alpha1.OSPFInterface{
				Name: "wan", Cost: 65535, HelloSeconds: 1, DeadSeconds: 2,
				Authentication: &v1alpha1.RoutingKey{ID: 255, Key: "ospf"},
			}
			d.BGP.Neighbours[0].Accept, d.BGP.Neighbours[0].Hops = []string{"0.0.0.0/0"}, 255
			d.BGP.Networks = []string{"2001:db8::/32"}
		})),
		Entry("the greatest numbers", changed(func(d *v1alpha1.DynamicRouting) {
			d.BGP.ASN, d.BGP.Neighbours[0].ASN, d.BGP.Neighbours[0].HoldSeconds = 4294967294, 4294967294, 65535
		})),
	)
	const dynamic = "spec.routing.dynamic"
	const ospf, bgp = dynamic + ".ospf.areas[0]", dynamic + ".bgp.neighbours[0]"
	DescribeTable("refuses",
		func(ctx SpecContext, field, remedy string, change func(*v1alpha1.DynamicRouting)) {
			configuration := newFirewall()
			d := changed(change)
			configuration.Spec.Routing.Dynamic = &d
			expectRefusal(ctx, configuration, field, remedy)
		},
		Entry("no protocol", dynamic, "at least one of", func(d *v1alpha1.DynamicRouting) { d.OSPF, d.BGP = nil, nil }),
		Entry("no router ID", dynamic+".routerID", "set one", func(d *v1alpha1.DynamicRouting) { d.RouterID = "" }),
		Entry("a router ID of IPv6", dynamic+".routerID", "the form of an IPv4 address",
			func(d *v1alpha1.DynamicRouting) { d.RouterID = "2001:db8::1" }),
		Entry("an area with a number", ospf+".id", "the form of an IPv4 address",
			func(d *v1alpha1.DynamicRouting) { d.OSPF.Areas[0].ID = "0" }),
		Entry("an area of another type", ospf+".type", "supported values",
			func(d *v1alpha1.DynamicRouting) { d.OSPF.Areas[0].Type = "TotallyStub" }),
		Entry("no interface", ospf+".interfaces", "should have at least 1",
			func(d *v1alpha1.DynamicRouting) { d.OSPF.Areas[0].Interfaces = []v1alpha1.OSPFInterface{} }),
		Entry("a name of no network", ospf+".interfaces[0].name", "must be named as a network",
			func(d *v1alpha1.DynamicRouting) { d.OSPF.Areas[0].Interfaces[0].Name = "wan.7" }),
		Entry("a short life", ospf+".interfaces[0].deadSeconds", "greater than or equal to 2",
			func(d *v1alpha1.DynamicRouting) { d.OSPF.Areas[0].Interfaces[0].DeadSeconds = 1 }),
		Entry("a path as a key", ospf+".interfaces[0].authentication.key", "should match",
			func(d *v1alpha1.DynamicRouting) {
				d.OSPF.Areas[0].Interfaces[0].Authentication = &v1alpha1.RoutingKey{Key: "a/b"}
			}),
		Entry("other routes", dynamic+".ospf.redistribute[0]", "supported values",
			func(d *v1alpha1.DynamicRouting) { d.OSPF.Redistribute = []v1alpha1.RedistributedRoutes{"Kernel"} }),
		Entry("no neighbours", dynamic+".bgp.neighbours", "should have at least 1",
			func(d *v1alpha1.DynamicRouting) { d.BGP.Neighbours = []v1alpha1.BGPNeighbour{} }),
		Entry("the last number of a system", dynamic+".bgp.asn", "less than or equal to 4294967294",
			func(d *v1alpha1.DynamicRouting) { d.BGP.ASN = 4294967295 }),
		Entry("a neighbour without a number", bgp+".asn", "greater than or equal to 1",
			func(d *v1alpha1.DynamicRouting) { d.BGP.Neighbours[0].ASN = 0 }),
		Entry("two families", bgp+".localAddress", "must have the address family",
			func(d *v1alpha1.DynamicRouting) { d.BGP.Neighbours[0].LocalAddress = "2001:db8::1" }),
		Entry("a name of a neighbour", bgp+".address", "must be an IPv4 or IPv6 address",
			func(d *v1alpha1.DynamicRouting) { d.BGP.Neighbours[0].Address = "router.example.com" }),
		Entry("an address as a filter", bgp+".accept[0]", "must be a prefix",
			func(d *v1alpha1.DynamicRouting) { d.BGP.Neighbours[0].Accept = []string{"10.0.0.1"} }),
		Entry("long lines", dynamic+".raw", "may not be more than 32768",
			func(d *v1alpha1.DynamicRouting) { d.Raw = strings.Repeat("!", 32769) }),
	)
})
