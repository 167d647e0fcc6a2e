//go:build apiserver

package v1alpha1_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// pairChange makes a valid pair into the one that a case is about.
type pairChange func(*v1alpha1.HAPair)

var _ = Describe("HAPair", func() {
	DescribeTable("accepts",
		func(ctx SpecContext, change pairChange) {
			pair := newPair()
			change(pair)
			Expect(trial.Create(ctx, pair)).To(Succeed())
		},
		Entry("a valid pair as it is", func(*v1alpha1.HAPair) {}),
		Entry("a name of 40 characters", named(strings.Repeat("a", 40))),
		Entry("a name of one letter", named("a")),
		Entry("a single network", networks(newNetwork("lan", "192.168.50.1/24"))),
		Entry("eight networks", networks(manyNetworks(8)...)),
		Entry("an interface name of 15 characters", networks(newNetwork("a23456789-12345", "192.0.2.1/24"))),
		Entry("IPv6 alone", addresses("2001:db8::1/64")),
		Entry("the broadest and the narrowest prefix", addresses("192.0.2.1/1", "192.0.2.2/32", "2001:db8::1/128")),
		Entry("both addresses of a point-to-point link", addresses("192.0.2.0/31", "2001:db8::/127")),
		Entry("two addresses of one subnet", addresses("192.0.2.1/24", "192.0.2.2/24")),
		Entry("the same subnet on two networks", networks(newNetwork("a", "192.0.2.1/24"), newNetwork("b", "192.0.2.2/24"))),
		Entry("an attachment of another namespace", func(p *v1alpha1.HAPair) {
			p.Spec.Networks[0].Attachment.Multus.Namespace = "edge-networks"
		}),
		Entry("a document of a ConfigMap", configuration(v1alpha1.FirewallConfigurationSource{
			ConfigMapRef: &v1alpha1.ConfigMapKeyReference{Name: "edge-firewall", Key: "Policy_1.yaml"},
		})),
		Entry("one port number in two protocols", ports(
			v1alpha1.ServicePort{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP},
			v1alpha1.ServicePort{Name: "dns-tcp", Port: 53, Protocol: corev1.ProtocolTCP},
		)),
		Entry("the highest port", ports(v1alpha1.ServicePort{Name: "x", Port: 65535, TargetPort: 65535})),
		Entry("a Service of type NodePort", func(p *v1alpha1.HAPair) {
			ports(v1alpha1.ServicePort{Name: "https", Port: 443})(p)
			p.Spec.Service.Type = corev1.ServiceTypeNodePort
		}),
		Entry("the shortest lease", lease(2)),
		Entry("the longest lease", lease(60)),
		Entry("a reference to a SyncPolicy", func(p *v1alpha1.HAPair) {
			p.Spec.SyncPolicyRef = &v1alpha1.SyncPolicyReference{Name: "edge.sync"}
		}),
		Entry("tolerations and a node selector", func(p *v1alpha1.HAPair) {
			p.Spec.Firewall.Scheduling = v1alpha1.SchedulingSpec{
				NodeSelector: map[string]string{"hapair.io/edge": "true"},
				Tolerations:  []corev1.Toleration{{Key: "edge", Operator: corev1.TolerationOpExists}},
			}
		}),
	)

	DescribeTable("refuses",
		func(ctx SpecContext, field, remedy string, change pairChange) {
			pair := newPair()
			change(pair)
			expectRefusal(ctx, pair, field, remedy)
		},

		Entry("a name of 41 characters", "metadata.name", "at most 40 characters", named(strings.Repeat("a", 41))),
		Entry("a name that begins with a digit", "metadata.name", "begins with a letter", named("1edge")),
		Entry("a name with a dot", "metadata.name", "DNS label", named("edge.lan")),

		Entry("no network", "spec.networks", "should have at least 1 items", networks()),
		Entry("nine networks", "spec.networks", "must have at most 8 items", networks(manyNetworks(9)...)),
		Entry("two networks of one name", "spec.networks[1]", `Duplicate value: {"name":"lan"}`,
			networks(newNetwork("lan", "192.0.2.1/24"), newNetwork("lan", "198.51.100.1/24"))),

		Entry("no attachment", "spec.networks[0].attachment", "multus must be set, as in multus: {name: lan}",
			func(p *v1alpha1.HAPair) { p.Spec.Networks[0].Attachment.Multus = nil }),
		Entry("an attachment without a name", "spec.networks[0].attachment.multus.name", "at least 1 chars",
			func(p *v1alpha1.HAPair) { p.Spec.Networks[0].Attachment.Multus.Name = "" }),
		Entry("an attachment of an impossible name", "spec.networks[0].attachment.multus.name", "as in lan",
			func(p *v1alpha1.HAPair) { p.Spec.Networks[0].Attachment.Multus.Name = "LAN" }),
		Entry("an attachment of an impossible namespace", "spec.networks[0].attachment.multus.namespace", "edge-networks",
			func(p *v1alpha1.HAPair) { p.Spec.Networks[0].Attachment.Multus.Namespace = "edge.networks" }),

		Entry("nine virtual addresses", "spec.networks[0].virtualAddresses", "must have at most 8 items",
			addresses(manyAddresses(9)...)),
		Entry("an address in two networks", "spec.networks", "must belong to one network only; remove it from the other",
			networks(newNetwork("lan", "192.0.2.1/24"), newNetwork("wan", "198.51.100.1/24", "192.0.2.1/25"))),

		Entry("no configuration", "spec.firewall.configuration", "exactly one of inline and configMapRef must be set",
			configuration(v1alpha1.FirewallConfigurationSource{})),
		Entry("two configurations", "spec.firewall.configuration", "exactly one of inline and configMapRef must be set",
			configuration(v1alpha1.FirewallConfigurationSource{
				Inline:       &runtime.RawExtension{Raw: []byte(`{}`)},
				ConfigMapRef: &v1alpha1.ConfigMapKeyReference{Name: "edge-firewall"},
			})),
		Entry("a document that is a text", "spec.firewall.configuration.inline", "must be of type object",
			configuration(v1alpha1.FirewallConfigurationSource{Inline: &runtime.RawExtension{Raw: []byte(`"zones"`)}})),
		Entry("a ConfigMap without a name", "spec.firewall.configuration.configMapRef.name", "at least 1 chars",
			configuration(v1alpha1.FirewallConfigurationSource{ConfigMapRef: &v1alpha1.ConfigMapKeyReference{}})),
		Entry("a ConfigMap of an impossible name", "spec.firewall.configuration.configMapRef.name", "as in edge-firewall",
			configuration(v1alpha1.FirewallConfigurationSource{ConfigMapRef: &v1alpha1.ConfigMapKeyReference{Name: "Edge"}})),
		Entry("a key that no ConfigMap can have", "spec.firewall.configuration.configMapRef.key", "as in firewall.yaml",
			configuration(v1alpha1.FirewallConfigurationSource{
				ConfigMapRef: &v1alpha1.ConfigMapKeyReference{Name: "edge-firewall", Key: "a/b"},
			})),
		Entry("an image name without bounds", "spec.firewall.image", "may not be more than 512",
			func(p *v1alpha1.HAPair) { p.Spec.Firewall.Image = strings.Repeat("x", 513) }),
		Entry("more tolerations than anyone needs", "spec.firewall.scheduling.tolerations", "must have at most 16 items",
			func(p *v1alpha1.HAPair) { p.Spec.Firewall.Scheduling.Tolerations = make([]corev1.Toleration, 17) }),

		Entry("a Service without ports", "spec.service.ports", "should have at least 1 items", ports()),
		Entry("two ports of one name", "spec.service.ports[1]", `Duplicate value: {"name":"web"}`,
			ports(v1alpha1.ServicePort{Name: "web", Port: 80}, v1alpha1.ServicePort{Name: "web", Port: 443})),
		Entry("two ports of one number and protocol", "spec.service.ports", "must differ in port or protocol; change one",
			ports(v1alpha1.ServicePort{Name: "web", Port: 80}, v1alpha1.ServicePort{Name: "http", Port: 80})),
		Entry("a port whose name is not a label", "spec.service.ports[0].name", "as in https",
			ports(v1alpha1.ServicePort{Name: "web_", Port: 80})),
		Entry("a port whose name is too long", "spec.service.ports[0].name", "15",
			ports(v1alpha1.ServicePort{Name: "a234567890123456", Port: 80})),
		Entry("port 0", "spec.service.ports[0].port", "greater than or equal to 1", ports(v1alpha1.ServicePort{Name: "web"})),
		Entry("port 65536", "spec.service.ports[0].port", "less than or equal to 65535",
			ports(v1alpha1.ServicePort{Name: "web", Port: 65536})),
		Entry("a target port below 1", "spec.service.ports[0].targetPort", "greater than or equal to 1",
			ports(v1alpha1.ServicePort{Name: "web", Port: 80, TargetPort: -1})),
		Entry("a protocol that is unknown", "spec.service.ports[0].protocol", `supported values: "TCP", "UDP", "SCTP"`,
			ports(v1alpha1.ServicePort{Name: "web", Port: 80, Protocol: "ICMP"})),
		Entry("a Service of another type", "spec.service.type", `supported values: "ClusterIP", "NodePort"`,
			func(p *v1alpha1.HAPair) {
				ports(v1alpha1.ServicePort{Name: "web", Port: 80})(p)
				p.Spec.Service.Type = corev1.ServiceTypeLoadBalancer
			}),

		Entry("a lease too short to be renewed in time", "spec.failover.leaseDurationSeconds", "greater than or equal to 2",
			lease(1)),
		Entry("a lease longer than anyone waits", "spec.failover.leaseDurationSeconds", "less than or equal to 60",
			lease(61)),
		Entry("a SyncPolicy without a name", "spec.syncPolicyRef.name", "at least 1 chars",
			func(p *v1alpha1.HAPair) { p.Spec.SyncPolicyRef = &v1alpha1.SyncPolicyReference{} }),
		Entry("a SyncPolicy of an impossible name", "spec.syncPolicyRef.name", "as in edge",
			func(p *v1alpha1.HAPair) { p.Spec.SyncPolicyRef = &v1alpha1.SyncPolicyReference{Name: "a b"} }),
	)

	DescribeTable("refuses as a network's name",
		func(ctx SpecContext, name, remedy string) {
			pair := newPair()
			pair.Spec.Networks[0].Name = name
			expectRefusal(ctx, pair, "spec.networks[0].name", remedy)
		},
		Entry("nothing", "", "at least 1 chars"),
		Entry("one that is too long", "a234567890123456", "15"),
		Entry("one that begins with a digit", "0lan", "begin with a letter"),
		Entry("one that has capitals", "LAN", "only a-z, 0-9 and '-'"),
		Entry("one that is a path", "../all", "only a-z, 0-9 and '-'"),
		Entry("lo", "lo", "choose another name"),
		Entry("eth0", "eth0", "choose another name"),
		Entry("all", "all", "choose another name"),
		Entry("default", "default", "choose another name"),
	)

	DescribeTable("refuses as a network's virtual addresses",
		func(ctx SpecContext, index, remedy string, list ...string) {
			pair := newPair()
			addresses(list...)(pair)
			expectRefusal(ctx, pair, "spec.networks[0].virtualAddresses"+index, remedy)
		},
		Entry("none", "", "should have at least 1 items"),
		Entry("an address without prefix length", "[0]", "as in 192.0.2.1/24", "192.0.2.1"),
		Entry("an address with a mask", "[0]", "as in 192.0.2.1/24", "192.0.2.1/255.255.255.0"),
		Entry("a prefix length beyond IPv4", "[0]", "as in 192.0.2.1/24", "192.0.2.1/33"),
		Entry("a host name", "[0]", "as in 192.0.2.1/24", "gateway.example/24"),
		Entry("an IPv4 address in IPv6 clothes", "[0]", "as in 192.0.2.1/24", "::ffff:192.0.2.1/120"),
		Entry("the second address wrong", "[1]", "as in 192.0.2.1/24", "192.0.2.1/24", "x"),
		Entry("a loopback address", "[0]", "unicast address that is neither loopback", "127.0.0.1/8"),
		Entry("a loopback address of IPv6", "[0]", "unicast address that is neither loopback", "::1/64"),
		Entry("a multicast address", "[0]", "must be a unicast address", "224.0.0.18/24"),
		Entry("a multicast address of IPv6", "[0]", "must be a unicast address", "ff02::12/64"),
		Entry("a link-local address", "[0]", "link-local", "169.254.1.1/16"),
		Entry("a link-local address of IPv6", "[0]", "link-local", "fe80::1/64"),
		Entry("the unspecified address", "[0]", "unspecified", "0.0.0.0/0"),
		Entry("the limited broadcast address", "[0]", "must be a unicast address", "255.255.255.255/32"),
		Entry("the address of a network", "[0]", "192.0.2.1/24 instead of 192.0.2.0/24", "192.0.2.0/24"),
		Entry("the address of a network of IPv6", "[0]", "must be a host's address", "2001:db8::/64"),
		Entry("an address twice in a network", "", "Duplicate value", "192.0.2.1/24", "192.0.2.1/24"),
		Entry("an address twice, with another prefix length", "", "must be listed once", "192.0.2.1/24", "192.0.2.1/25"),
		Entry("an address twice, in another spelling", "", "must be listed once", "2001:db8::1/64", "2001:DB8:0::1/64"),
	)

	DescribeTable("demands",
		func(ctx SpecContext, field, text string) {
			expectRefusal(ctx, parse(text), field, "Required value")
		},
		Entry("a spec", "spec", `{apiVersion: hapair.io/v1alpha1, kind: HAPair, metadata: {name: edge, namespace: default}}`),
		Entry("a firewall", "spec.firewall", `
apiVersion: hapair.io/v1alpha1
kind: HAPair
metadata: {name: edge, namespace: default}
spec:
  networks: [{name: lan, attachment: {multus: {name: lan}}, virtualAddresses: [192.0.2.1/24]}]`),
		Entry("a configuration", "spec.firewall.configuration", `
apiVersion: hapair.io/v1alpha1
kind: HAPair
metadata: {name: edge, namespace: default}
spec:
  firewall: {}
  networks: [{name: lan, attachment: {multus: {name: lan}}, virtualAddresses: [192.0.2.1/24]}]`),
		Entry("networks", "spec.networks", `
apiVersion: hapair.io/v1alpha1
kind: HAPair
metadata: {name: edge, namespace: default}
spec:
  firewall: {configuration: {inline: {}}}`),
		Entry("an attachment", "spec.networks[0].attachment", `
apiVersion: hapair.io/v1alpha1
kind: HAPair
metadata: {name: edge, namespace: default}
spec:
  firewall: {configuration: {inline: {}}}
  networks: [{name: lan, virtualAddresses: [192.0.2.1/24]}]`),
		Entry("virtual addresses", "spec.networks[0].virtualAddresses", `
apiVersion: hapair.io/v1alpha1
kind: HAPair
metadata: {name: edge, namespace: default}
spec:
  firewall: {configuration: {inline: {}}}
  networks: [{name: lan, attachment: {multus: {name: lan}}}]`),
	)
})

func named(name string) pairChange {
	return func(p *v1alpha1.HAPair) { p.Name = name }
}

func networks(list ...v1alpha1.NetworkSpec) pairChange {
	return func(p *v1alpha1.HAPair) { p.Spec.Networks = append([]v1alpha1.NetworkSpec{}, list...) }
}

func addresses(list ...string) pairChange {
	return networks(newNetwork("lan", append([]string{}, list...)...))
}

func configuration(source v1alpha1.FirewallConfigurationSource) pairChange {
	return func(p *v1alpha1.HAPair) { p.Spec.Firewall.Configuration = source }
}

func ports(list ...v1alpha1.ServicePort) pairChange {
	return func(p *v1alpha1.HAPair) {
		p.Spec.Service = &v1alpha1.ServiceSpec{Ports: append([]v1alpha1.ServicePort{}, list...)}
	}
}

func lease(seconds int32) pairChange {
	return func(p *v1alpha1.HAPair) { p.Spec.Failover.LeaseDurationSeconds = seconds }
}

func manyNetworks(n int) []v1alpha1.NetworkSpec {
	list := make([]v1alpha1.NetworkSpec, n)
	for i := range list {
		list[i] = newNetwork(fmt.Sprintf("net%d", i), fmt.Sprintf("10.0.%d.1/24", i))
	}
	return list
}

func manyAddresses(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("192.0.2.%d/24", i+1)
	}
	return list
}
