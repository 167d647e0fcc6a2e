//go:build apiserver

package v1alpha1_test

import (
	"fmt"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// firewallChange turns a valid configuration into the one that a case is about.
type firewallChange func(*v1alpha1.FirewallConfigurationSpec)

var _ = Describe("FirewallConfiguration", func() {
	DescribeTable("accepts",
		func(ctx SpecContext, change firewallChange) {
			configuration := newFirewall()
			change(&configuration.Spec)
			Expect(trial.Create(ctx, configuration)).To(Succeed())
		},
		Entry("a valid configuration as it is", func(*v1alpha1.FirewallConfigurationSpec) {}),
		Entry("zones alone", func(s *v1alpha1.FirewallConfigurationSpec) {
			*s = v1alpha1.FirewallConfigurationSpec{Zones: s.Zones}
		}),
		Entry("names of one letter", zoneName("a")),
		Entry("an interface twice in a zone, which counts once", interfaces("wan", "wan")),
		Entry("a zone twice in a policy, which counts once", func(s *v1alpha1.FirewallConfigurationSpec) {
			s.Policies[0].To = []string{"wan", "wan"}
		}),
		Entry("names of 63 characters", zoneName(strings.Repeat("a", 63))),
		Entry("an interface of 15 characters", interfaces("lan-0123456789a")),
		Entry("32 zones", zones(32)),
		Entry("members of every form", members("192.0.2.1", "192.0.2.0/24", "192.0.2.10-192.0.2.20",
			"192.0.2.10 - 192.0.2.20", "2001:db8::1", "2001:DB8::/64", "2001:db8::1-2001:db8::ff", "::/0")),
		Entry("16384 members", members(slices.Repeat([]string{"192.0.2.1"}, 16384)...)),
		Entry("every protocol", protocolsOfServices("TCP", "UDP", "SCTP", "ICMP", "ICMPv6", "GRE", "ESP", "AH", "OSPF")),
		Entry("ports as numbers and as text", servicePorts(intstr.FromInt32(1), intstr.FromInt32(65535),
			intstr.FromString("80"), intstr.FromString("8000-8010"))),
		Entry("helpers of every protocol", servicesOf(
			helperOf("FTP", "TCP", 21), helperOf("SIP", "UDP", 5060), helperOf("SIP", "TCP", 5060),
			helperOf("H323", "TCP", 1720), helperOf("H323", "UDP", 1719), helperOf("None", "SCTP", 21),
		)),
		Entry("no helper for all ports", servicesOf(v1alpha1.ServiceObject{Name: "all", Protocol: "ESP", Helper: "None"})),
		Entry("every action", func(s *v1alpha1.FirewallConfigurationSpec) {
			for i, action := range []v1alpha1.PolicyAction{"Accept", "Drop", "Reject"} {
				s.Policies = append(s.Policies, v1alpha1.FirewallPolicy{
					Name: fmt.Sprintf("action%d", i), From: []string{"lan"}, To: []string{"firewall"}, Action: action, Log: true,
				})
			}
		}),
		Entry("4096 policies", func(s *v1alpha1.FirewallConfigurationSpec) { s.Policies = manyPolicies(4096) }),
		Entry("translation of both families", func(s *v1alpha1.FirewallConfigurationSpec) {
			s.SourceNAT[0].Address = "2001:db8:113::1"
			s.DestinationNAT[0].Destination, s.DestinationNAT[0].ToAddress = "2001:db8:113::1", "fd50::10"
		}),
		Entry("the highest port", toPort(65535)),
	)

	DescribeTable("refuses",
		func(ctx SpecContext, field, remedy string, change firewallChange) {
			configuration := newFirewall()
			change(&configuration.Spec)
			expectRefusal(ctx, configuration, field, remedy)
		},
		Entry("a configuration without zones", "spec.zones", "should have at least 1 items",
			func(s *v1alpha1.FirewallConfigurationSpec) { s.Zones = []v1alpha1.FirewallZone{} }),
		Entry("33 zones", "spec.zones", "must have at most 32 items", zones(33)),
		Entry("two zones of one name", "spec.zones[1]", `Duplicate value: {"name":"lan"}`,
			func(s *v1alpha1.FirewallConfigurationSpec) { s.Zones[1].Name = "lan" }),
		Entry("a zone named like the unit", "spec.zones[1].name", "choose another name", zoneName("firewall")),
		Entry("a zone in capitals", "spec.zones[1].name", "as in lan", zoneName("WAN")),
		Entry("a zone that ends with a hyphen", "spec.zones[1].name", "not end with '-'", zoneName("wan-")),
		Entry("a zone of 64 characters", "spec.zones[1].name", "may not be more than 63", zoneName(strings.Repeat("a", 64))),
		Entry("a zone without interfaces", "spec.zones[1].interfaces", "should have at least 1 items",
			func(s *v1alpha1.FirewallConfigurationSpec) { s.Zones[1].Interfaces = []string{} }),
		Entry("the pod's own interface", "spec.zones[1].interfaces[0]", "name a network of the pair", interfaces("eth0")),
		Entry("the loopback interface", "spec.zones[1].interfaces[0]", "name a network of the pair", interfaces("lo")),
		Entry("an interface that no network can have", "spec.zones[1].interfaces[0]", "as in lan", interfaces("wan/1")),
		Entry("an interface of 16 characters", "spec.zones[1].interfaces[0]", "may not be more than 15",
			interfaces("lan-0123456789ab")),

		Entry("an address object of an impossible name", "spec.addresses[0].name", "as in lan-net",
			func(s *v1alpha1.FirewallConfigurationSpec) { s.Addresses[0].Name = "lan_net" }),
		Entry("an address object without members", "spec.addresses[0].members", "members, fqdn or dynamic must be set",
			members()),
		Entry("a host name", "spec.addresses[0].members[0]", "should match", members("web.example")),
		Entry("a prefix length of four digits", "spec.addresses[0].members[0]", "should match", members("192.0.2.0/1234")),
		Entry("a member longer than any range", "spec.addresses[0].members[0]", "may not be more than 81",
			members(strings.Repeat("1", 82))),
		Entry("16385 members", "spec.addresses[0].members", "must have at most 16384 items",
			members(slices.Repeat([]string{"192.0.2.1"}, 16385)...)),

		Entry("a service of an impossible name", "spec.services[0].name", "as in web",
			func(s *v1alpha1.FirewallConfigurationSpec) { s.Services[0].Name = "8080" }),
		Entry("a protocol in small letters", "spec.services[0].protocol", `supported values: "TCP", "UDP"`,
			protocolsOfServices("tcp")),
		Entry("port 0", "spec.services[0].ports[0]", "a port must be from 1 to 65535", servicePorts(intstr.FromInt32(0))),
		Entry("port 65536", "spec.services[0].ports[0]", "a port must be from 1 to 65535",
			servicePorts(intstr.FromInt32(65536))),
		Entry("a port by name", "spec.services[0].ports[0]", "should match", servicePorts(intstr.FromString("http"))),
		Entry("an open range of ports", "spec.services[0].ports[0]", "should match", servicePorts(intstr.FromString("80-"))),
		Entry("a range of ports that is too long", "spec.services[0].ports[0]", "may not be more than 11",
			servicePorts(intstr.FromString("10000-100000"))),
		Entry("129 ports", "spec.services[0].ports", "must have at most 128 items",
			servicePorts(make([]intstr.IntOrString, 129)...)),

		Entry("a helper that does not exist", "spec.services[0].helper",
			`supported values: "FTP", "SIP", "H323", "RTSP", "SQLNet", "RealAudio", "None"`,
			servicesOf(helperOf("ftp", "TCP", 21))),
		Entry("FTP over UDP", "spec.services[0].helper", "change the protocol", servicesOf(helperOf("FTP", "UDP", 21))),
		Entry("SIP over SCTP", "spec.services[0].helper", "change the protocol", servicesOf(helperOf("SIP", "SCTP", 5060))),
		Entry("a helper for all ports", "spec.services[0].helper", "needs the ports of its control connections",
			servicesOf(v1alpha1.ServiceObject{Name: "calls", Protocol: "UDP", Helper: "SIP"})),

		Entry("a policy of an impossible name", "spec.policies[0].name", "as in lan-to-wan", policyName("to wan")),
		Entry("a policy named dropped", "spec.policies[0].name", "choose another name", policyName("dropped")),
		Entry("a policy named invalid", "spec.policies[0].name", "choose another name", policyName("invalid")),
		Entry("a policy from nowhere", "spec.policies[0].from", "should have at least 1 items",
			func(s *v1alpha1.FirewallConfigurationSpec) { s.Policies[0].From = []string{} }),
		Entry("65 sources", "spec.policies[0].source", "must have at most 64 items",
			func(s *v1alpha1.FirewallConfigurationSpec) { s.Policies[0].Source = numbered(65) }),
		Entry("65 destinations", "spec.policies[0].destination", "must have at most 64 items",
			func(s *v1alpha1.FirewallConfigurationSpec) { s.Policies[0].Destination = numbered(65) }),
		Entry("65 services", "spec.policies[0].services", "must have at most 64 items",
			func(s *v1alpha1.FirewallConfigurationSpec) { s.Policies[0].Services = numbered(65) }),
		Entry("an action that does not exist", "spec.policies[0].action", `supported values: "Accept", "Drop", "Reject"`,
			func(s *v1alpha1.FirewallConfigurationSpec) { s.Policies[0].Action = "Deny" }),
		Entry("4097 policies", "spec.policies", "must have at most 4096 items",
			func(s *v1alpha1.FirewallConfigurationSpec) { s.Policies = manyPolicies(4097) }),

		Entry("a source translation of an impossible name", "spec.sourceNAT[0].name", "as in lan-behind-wan",
			func(s *v1alpha1.FirewallConfigurationSpec) { s.SourceNAT[0].Name = "-" }),
		Entry("a new source with a prefix length", "spec.sourceNAT[0].address", "without a prefix length",
			func(s *v1alpha1.FirewallConfigurationSpec) { s.SourceNAT[0].Address = "203.0.113.1/24" }),
		Entry("a new source on the loopback", "spec.sourceNAT[0].address", "must be a unicast address",
			func(s *v1alpha1.FirewallConfigurationSpec) { s.SourceNAT[0].Address = "127.0.0.1" }),
		Entry("a destination translation of an impossible name", "spec.destinationNAT[0].name", "as in web",
			func(s *v1alpha1.FirewallConfigurationSpec) { s.DestinationNAT[0].Name = "" }),
		Entry("a destination that is a name", "spec.destinationNAT[0].destination", "must be an IPv4 or IPv6 address",
			func(s *v1alpha1.FirewallConfigurationSpec) { s.DestinationNAT[0].Destination = "web.example" }),
		Entry("a destination that is link-local", "spec.destinationNAT[0].destination", "must be a unicast address",
			func(s *v1alpha1.FirewallConfigurationSpec) { s.DestinationNAT[0].Destination = "fe80::1" }),
		Entry("a new destination that is a name", "spec.destinationNAT[0].toAddress", "must be an IPv4 or IPv6 address",
			func(s *v1alpha1.FirewallConfigurationSpec) { s.DestinationNAT[0].ToAddress = "web" }),
		Entry("a new destination that is multicast", "spec.destinationNAT[0].toAddress", "must be a unicast address",
			func(s *v1alpha1.FirewallConfigurationSpec) { s.DestinationNAT[0].ToAddress = "224.0.0.1" }),
		Entry("a new port beyond the last", "spec.destinationNAT[0].toPort", "less than or equal to 65535", toPort(65536)),
		Entry("a negative port", "spec.destinationNAT[0].toPort", "greater than or equal to 1", toPort(-1)),
	)

	DescribeTable("demands",
		func(ctx SpecContext, field, spec string) {
			expectRefusal(ctx, parse(`
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
metadata: {name: edge, namespace: default}
`+spec), field, "Required value")
		},
		Entry("a spec", "spec", ``),
		Entry("zones", "spec.zones", `spec: {logging: {dropped: true}}`),
		Entry("the interfaces of a zone", "spec.zones[0].interfaces", `spec: {zones: [{name: lan}]}`),
		Entry("the protocol of a service", "spec.services[0].protocol",
			`spec: {zones: [{name: lan, interfaces: [lan]}], services: [{name: web}]}`),
		Entry("the action of a policy", "spec.policies[0].action",
			`spec: {zones: [{name: lan, interfaces: [lan]}], policies: [{name: out, from: [lan], to: [lan]}]}`),
		Entry("the address of a source translation", "spec.sourceNAT[0].address",
			`spec: {zones: [{name: lan, interfaces: [lan]}], sourceNAT: [{name: out, to: lan}]}`),
		Entry("the service of a destination translation", "spec.destinationNAT[0].service", `
spec:
  zones: [{name: lan, interfaces: [lan]}]
  destinationNAT: [{name: web, from: lan, destination: 192.0.2.1, toAddress: 192.0.2.2}]`),
	)

	DescribeTable("refuses an empty list, which could mean nothing or anything",
		func(ctx SpecContext, field string) {
			expectRefusal(ctx, parse(`
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
metadata: {name: edge, namespace: default}
spec: {zones: [{name: lan, interfaces: [lan]}], `+field+`: []}`), "spec."+field, "should have at least 1 items")
		},
		Entry(nil, "addresses"), Entry(nil, "services"), Entry(nil, "policies"),
		Entry(nil, "sourceNAT"), Entry(nil, "destinationNAT"),
	)

	It("is not observed before the operator has seen it", func(ctx SpecContext) {
		configuration := newFirewall()
		configuration.Name = "unseen"
		Expect(server.Create(ctx, configuration)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(server.Delete(ctx, configuration)).To(Succeed()) })
		stored := &v1alpha1.FirewallConfiguration{}
		Expect(server.Get(ctx, client.ObjectKeyFromObject(configuration), stored)).To(Succeed())
		Expect(stored.Status.ObservedGeneration).To(Equal(int64(-1)))
		Expect(stored.Spec).To(Equal(configuration.Spec))
	})

	It("shows whether it is accepted and which pairs use it", func(ctx SpecContext) {
		configuration := newFirewall()
		configuration.Name = "columns"
		Expect(server.Create(ctx, configuration)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(server.Delete(ctx, configuration)).To(Succeed()) })
		configuration.Status = v1alpha1.FirewallConfigurationStatus{
			ObservedGeneration: 1, Pairs: []string{"east", "west"},
			Errors: []v1alpha1.FieldError{{Field: "spec.policies[0].to[0]", Message: `unknown zone "wan"`}},
		}
		setCondition(&configuration.Status.Conditions, v1alpha1.ConditionAccepted, v1alpha1.ReasonValid)
		Expect(server.Status().Update(ctx, configuration)).To(Succeed())

		names, cells := table(ctx, configuration, "firewallconfigurations")
		Expect(names).To(Equal([]string{"Name", "Accepted", "Pairs", "Age", "Hash"}))
		Expect(cells[:3]).To(HaveExactElements("columns", "True", `["east","west"]`))
	})
})

// newFirewall returns a valid configuration, in which each case changes one thing.
func newFirewall() *v1alpha1.FirewallConfiguration {
	return &v1alpha1.FirewallConfiguration{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "edge"},
		Spec: v1alpha1.FirewallConfigurationSpec{
			Zones: []v1alpha1.FirewallZone{
				{Name: "lan", Interfaces: []string{"lan"}},
				{Name: "wan", Interfaces: []string{"wan"}},
			},
			Addresses: []v1alpha1.AddressObject{{Name: "lan-net", Members: []string{"192.168.50.0/24"}}},
			Services: []v1alpha1.ServiceObject{
				{Name: "web", Protocol: "TCP", Ports: []intstr.IntOrString{intstr.FromInt32(80)}},
			},
			Policies: []v1alpha1.FirewallPolicy{{
				Name: "lan-to-wan", From: []string{"lan"}, To: []string{"wan"}, Source: []string{"lan-net"}, Action: "Accept",
			}},
			SourceNAT: []v1alpha1.SourceNAT{{Name: "out", To: "wan", Source: []string{"lan-net"}, Address: "203.0.113.1"}},
			DestinationNAT: []v1alpha1.DestinationNAT{{
				Name: "web", From: "wan", Destination: "203.0.113.1", Service: "web", ToAddress: "192.168.50.10", ToPort: 8080,
			}},
		},
	}
}

func zoneName(name string) firewallChange {
	return func(s *v1alpha1.FirewallConfigurationSpec) { s.Zones[1].Name = name }
}

func interfaces(names ...string) firewallChange {
	return func(s *v1alpha1.FirewallConfigurationSpec) { s.Zones[1].Interfaces = names }
}

func zones(n int) firewallChange {
	return func(s *v1alpha1.FirewallConfigurationSpec) {
		s.Zones = nil
		for i := range n {
			name := fmt.Sprintf("zone%d", i)
			s.Zones = append(s.Zones, v1alpha1.FirewallZone{Name: name, Interfaces: []string{name}})
		}
	}
}

func members(list ...string) firewallChange {
	return func(s *v1alpha1.FirewallConfigurationSpec) {
		s.Addresses[0].Members = append([]string{}, list...)
	}
}

func protocolsOfServices(list ...v1alpha1.ServiceProtocol) firewallChange {
	return func(s *v1alpha1.FirewallConfigurationSpec) {
		s.Services = nil
		for i, protocol := range list {
			s.Services = append(s.Services, v1alpha1.ServiceObject{Name: fmt.Sprintf("service%d", i), Protocol: protocol})
		}
	}
}

func servicesOf(services ...v1alpha1.ServiceObject) firewallChange {
	return func(s *v1alpha1.FirewallConfigurationSpec) {
		for i := range services {
			services[i].Name = fmt.Sprintf("service%d", i)
		}
		s.Services = append(services, s.Services...)
	}
}

func helperOf(helper, protocol string, port int32) v1alpha1.ServiceObject {
	return v1alpha1.ServiceObject{
		Protocol: v1alpha1.ServiceProtocol(protocol), Ports: []intstr.IntOrString{intstr.FromInt32(port)},
		Helper: v1alpha1.ServiceHelper(helper),
	}
}

func servicePorts(list ...intstr.IntOrString) firewallChange {
	return func(s *v1alpha1.FirewallConfigurationSpec) { s.Services[0].Ports = list }
}

func policyName(name string) firewallChange {
	return func(s *v1alpha1.FirewallConfigurationSpec) { s.Policies[0].Name = name }
}

func toPort(port int32) firewallChange {
	return func(s *v1alpha1.FirewallConfigurationSpec) { s.DestinationNAT[0].ToPort = port }
}

func manyPolicies(n int) []v1alpha1.FirewallPolicy {
	policies := make([]v1alpha1.FirewallPolicy, n)
	for i := range policies {
		policies[i] = v1alpha1.FirewallPolicy{
			Name: fmt.Sprintf("policy%d", i), From: []string{"lan"}, To: []string{"wan"}, Action: "Accept",
		}
	}
	return policies
}

func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("name%d", i)
	}
	return names
}
