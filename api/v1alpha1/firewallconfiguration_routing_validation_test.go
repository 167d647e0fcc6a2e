//go:build apiserver

package v1alpha1_test

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("Routing of a FirewallConfiguration", func() {
	DescribeTable("accepts",
		func(ctx SpecContext, routing v1alpha1.FirewallRouting) {
			configuration := newFirewall()
			configuration.Spec.Routing = routing
			Expect(trial.Create(ctx, configuration)).To(Succeed())
		},
		Entry("default routes of both families", routes(
			v1alpha1.StaticRoute{Name: "internet", To: "0.0.0.0/0", Via: "203.0.113.254"},
			v1alpha1.StaticRoute{Name: "internet6", To: "::/0", Via: "fe80::1", Interface: "wan"})),
		Entry("a next hop and an interface", routes(
			v1alpha1.StaticRoute{Name: "plant", To: "10.20.0.0/16", Type: "Unicast", Via: "192.168.50.254", Interface: "lan"})),
		Entry("an interface alone", routes(v1alpha1.StaticRoute{Name: "host", To: "198.51.100.7/32", Interface: "wan"})),
		Entry("a link-local next hop of a carrier", routes(
			v1alpha1.StaticRoute{Name: "internet", To: "0.0.0.0/0", Via: "169.254.1.1"})),
		Entry("both types without a next hop", routes(
			v1alpha1.StaticRoute{Name: "unused", To: "10.0.0.0/8", Type: "Blackhole"},
			v1alpha1.StaticRoute{Name: "unused6", To: "fc00::/7", Type: "Unreachable"})),
		Entry("halves of all addresses", routes(
			v1alpha1.StaticRoute{Name: "low", To: "0.0.0.0/1", Via: "203.0.113.254"},
			v1alpha1.StaticRoute{Name: "high", To: "128.0.0.0/1", Via: "203.0.113.254"})),
		Entry("the lowest and the highest metric", routes(
			v1alpha1.StaticRoute{Name: "first", To: "0.0.0.0/0", Via: "203.0.113.254", Metric: 1},
			v1alpha1.StaticRoute{Name: "second", To: "0.0.0.0/0", Via: "203.0.113.253", Metric: 65535})),
		Entry("4096 routes", v1alpha1.FirewallRouting{Routes: manyRoutes(4096)}),
		Entry("policy routes of each type", policyRoutes(
			v1alpha1.PolicyRoute{Name: "inside", From: []string{"lan"}, Destination: []string{"lan-net"}, Type: "Exempt"},
			v1alpha1.PolicyRoute{Name: "cable", From: []string{"lan"}, Source: []string{"lan-net"}, Via: "203.0.113.253"},
			v1alpha1.PolicyRoute{Name: "cable6", From: []string{"lan"}, Via: "fe80::1", Interface: "wan"},
			v1alpha1.PolicyRoute{Name: "link", From: []string{"lan"}, Type: "Unicast", Interface: "wan"},
			v1alpha1.PolicyRoute{Name: "none", From: []string{"lan"}, Type: "Blackhole"},
			v1alpha1.PolicyRoute{Name: "refused", From: []string{"lan"}, Type: "Unreachable"})),
		Entry("128 policy routes", v1alpha1.FirewallRouting{PolicyRoutes: manyPolicyRoutes(128)}),
	)

	route := func(change func(*v1alpha1.StaticRoute)) v1alpha1.FirewallRouting {
		r := v1alpha1.StaticRoute{Name: "plant", To: "10.20.0.0/16", Via: "192.168.50.254"}
		change(&r)
		return routes(r)
	}
	to := func(to string) v1alpha1.FirewallRouting {
		return route(func(r *v1alpha1.StaticRoute) { r.To = to })
	}
	via := func(via string) v1alpha1.FirewallRouting {
		return route(func(r *v1alpha1.StaticRoute) { r.Via = via })
	}
	policy := func(change func(*v1alpha1.PolicyRoute)) v1alpha1.FirewallRouting {
		r := v1alpha1.PolicyRoute{Name: "cable", From: []string{"lan"}, Via: "203.0.113.253"}
		change(&r)
		return policyRoutes(r)
	}
	const first, firstPolicy = "spec.routing.routes[0]", "spec.routing.policyRoutes[0]"
	DescribeTable("refuses",
		func(ctx SpecContext, field, remedy string, routing v1alpha1.FirewallRouting) {
			configuration := newFirewall()
			configuration.Spec.Routing = routing
			expectRefusal(ctx, configuration, field, remedy)
		},
		Entry("a name in capitals", first+".name", "as in internet",
			route(func(r *v1alpha1.StaticRoute) { r.Name = "Plant" })),
		Entry("a destination without a prefix length", first+".to", "the default routes are 0.0.0.0/0 and ::/0",
			to("10.20.0.0")),
		Entry("a destination by name", first+".to", "must be an IPv4 or IPv6 prefix", to("default")),
		Entry("a destination with bits beyond its length", first+".to", "give the address of the network",
			to("10.20.0.1/16")),
		Entry("a loopback destination", first+".to", "not forwarded", to("127.0.0.0/8")),
		Entry("a multicast destination", first+".to", "not forwarded", to("224.0.0.0/4")),
		Entry("a link-local destination", first+".to", "not forwarded", to("fe80::/64")),
		Entry("an IPv4-mapped destination", first+".to", "must be an IPv4 or IPv6 prefix", to("::ffff:10.20.0.0/112")),
		Entry("a next hop with a prefix length", first+".via", "without a prefix length", via("192.168.50.254/24")),
		Entry("a next hop by name", first+".via", "must be an IPv4 or IPv6 address", via("router")),
		Entry("a next hop of the other family", first+".via", "must have the address family of to", via("fd50::254")),
		Entry("a multicast next hop", first+".via", "must be a unicast address", via("224.0.0.1")),
		Entry("a loopback next hop", first+".via", "must be a unicast address", via("127.0.0.1")),
		Entry("an unspecified next hop", first+".via", "must be a unicast address", via("0.0.0.0")),
		Entry("the broadcast address as next hop", first+".via", "must be a unicast address", via("255.255.255.255")),
		Entry("a next hop with a zone", first+".via", "must be an IPv4 or IPv6 address", via("fe80::1%wan")),
		Entry("a link-local next hop without an interface", first+".interface", "name the interface",
			route(func(r *v1alpha1.StaticRoute) { r.To, r.Via = "::/0", "fe80::1" })),
		Entry("an interface that no network can have", first+".interface", "as in wan",
			route(func(r *v1alpha1.StaticRoute) { r.Interface = "wan/1" })),
		Entry("neither next hop nor interface", first, "via or interface must be set",
			route(func(r *v1alpha1.StaticRoute) { r.Via = "" })),
		Entry("a blackhole with a next hop", first+".via", "with type: Unicast only",
			route(func(r *v1alpha1.StaticRoute) { r.Type = "Blackhole" })),
		Entry("a blackhole with an interface", first+".interface", "with type: Unicast only",
			route(func(r *v1alpha1.StaticRoute) { r.Type, r.Via, r.Interface = "Blackhole", "", "wan" })),
		Entry("an unknown type", first+".type", `supported values: "Unicast", "Blackhole", "Unreachable"`,
			route(func(r *v1alpha1.StaticRoute) { r.Type = "Exempt" })),
		Entry("a negative metric", first+".metric", "greater than or equal to 1",
			route(func(r *v1alpha1.StaticRoute) { r.Metric = -1 })),
		Entry("a metric beyond the bound", first+".metric", "less than or equal to 65535",
			route(func(r *v1alpha1.StaticRoute) { r.Metric = 65536 })),
		Entry("4097 routes", "spec.routing.routes", "must have at most 4096 items",
			v1alpha1.FirewallRouting{Routes: manyRoutes(4097)}),

		Entry("a policy route from nowhere", firstPolicy+".from", "should have at least 1 items",
			policy(func(r *v1alpha1.PolicyRoute) { r.From = []string{} })),
		Entry("a policy route to nowhere", firstPolicy, "via or interface must be set",
			policy(func(r *v1alpha1.PolicyRoute) { r.Via = "" })),
		Entry("an exemption with a next hop", firstPolicy+".via", "with type: Unicast only",
			policy(func(r *v1alpha1.PolicyRoute) { r.Type = "Exempt" })),
		Entry("a policy route with a multicast next hop", firstPolicy+".via", "must be a unicast address",
			policy(func(r *v1alpha1.PolicyRoute) { r.Via = "ff02::2" })),
		Entry("a policy route with a link-local next hop alone", firstPolicy+".interface", "name the interface",
			policy(func(r *v1alpha1.PolicyRoute) { r.Via = "fe80::1" })),
		Entry("a policy route of an unknown type", firstPolicy+".type", `supported values: "Unicast", "Blackhole"`,
			policy(func(r *v1alpha1.PolicyRoute) { r.Type, r.Via = "Drop", "" })),
		Entry("129 policy routes", "spec.routing.policyRoutes", "must have at most 128 items",
			v1alpha1.FirewallRouting{PolicyRoutes: manyPolicyRoutes(129)}),
	)

	DescribeTable("refuses an empty list",
		func(ctx SpecContext, list string) {
			expectRefusal(ctx, parse(`
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
metadata: {name: edge, namespace: default}
spec: {zones: [{name: lan, interfaces: [lan]}], routing: {`+list+`: []}}`),
				"spec.routing."+list, "should have at least 1 items")
		},
		Entry(nil, "routes"), Entry(nil, "policyRoutes"),
	)
})

func routes(list ...v1alpha1.StaticRoute) v1alpha1.FirewallRouting {
	return v1alpha1.FirewallRouting{Routes: list}
}

func policyRoutes(list ...v1alpha1.PolicyRoute) v1alpha1.FirewallRouting {
	return v1alpha1.FirewallRouting{PolicyRoutes: list}
}

func manyRoutes(n int) []v1alpha1.StaticRoute {
	list := make([]v1alpha1.StaticRoute, n)
	for i := range list {
		list[i] = v1alpha1.StaticRoute{
			Name: fmt.Sprintf("route%d", i), To: fmt.Sprintf("10.%d.%d.0/24", i/256, i%256), Via: "192.168.50.254",
		}
	}
	return list
}

func manyPolicyRoutes(n int) []v1alpha1.PolicyRoute {
	list := make([]v1alpha1.PolicyRoute, n)
	for i := range list {
		list[i] = v1alpha1.PolicyRoute{Name: fmt.Sprintf("route%d", i), From: []string{"lan"}, Via: "203.0.113.253"}
	}
	return list
}
