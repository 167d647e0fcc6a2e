//go:build apiserver

package v1alpha1_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// pairChange changes a valid pair into the pair of a case.
type pairChange func(*v1alpha1.HAPair)

var _ = Describe("HAPair", func() {
	DescribeTable("accepts",
		func(ctx SpecContext, change pairChange) {
			pair := newPair()
			change(pair)
			Expect(trial.Create(ctx, pair)).To(Succeed())
		},
		Entry("a valid pair without a change", func(*v1alpha1.HAPair) {}),
		Entry("a name of 40 characters", named(strings.Repeat("a", 40))),
		Entry("a name of one letter", named("a")),
		Entry("a single network", networks(newNetwork("lan", "192.168.50.1/24"))),
		Entry("eight networks", networks(manyNetworks(8)...)),
		Entry("an interface name of 15 characters", networks(newNetwork("a23456789-12345", "192.0.2.1/24"))),
		Entry("IPv6 alone", addresses("2001:db8::1/64")),
		Entry("the broadest and the narrowest prefix", addresses("192.0.2.1/1", "192.0.2.2/32", "2001:db8::1/128")),
		Entry("both addresses of a point-to-point link",
			addresses("192.0.2.0/31", "192.0.2.1/31", "2001:db8::/127", "2001:db8::1/127")),
		Entry("any address of a network of one", addresses("192.0.2.0/32", "192.0.2.255/32", "2001:db8::/128")),
		Entry("an address that is the last of another prefix length", addresses("192.0.2.255/23", "10.0.0.255/8")),
		Entry("the last address of an IPv6 network", addresses("2001:db8::ffff:ffff:ffff:ffff/64")),
		Entry("link-local addresses, the same on two networks", networks(
			newNetwork("lan", "192.0.2.1/24", "fe80::1/64", "169.254.0.1/16"),
			newNetwork("wan", "fe80::1/64", "169.254.0.1/16"))),
		Entry("two addresses of one subnet", addresses("192.0.2.1/24", "192.0.2.2/24")),
		Entry("the same subnet on two networks", networks(newNetwork("a", "192.0.2.1/24"), newNetwork("b", "192.0.2.2/24"))),
		Entry("an attachment of another namespace", func(p *v1alpha1.HAPair) {
			p.Spec.Networks[0].Attachment.Multus.Namespace = "edge-networks"
		}),
		Entry("a configuration of any name", configurationRef("edge.rules-1")),
		Entry("an image with its own configuration", func(p *v1alpha1.HAPair) {
			p.Spec.Firewall = v1alpha1.FirewallSpec{Image: "example.test/firewall:1"}
		}),
		Entry("another image with a configuration", func(p *v1alpha1.HAPair) {
			p.Spec.Firewall.Image = "example.test/firewall:1"
		}),
		Entry("one port number in two protocols", ports(
			v1alpha1.ServicePort{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP},
			v1alpha1.ServicePort{Name: "dns-tcp", Port: 53, Protocol: corev1.ProtocolTCP},
		)),
		Entry("a reserved port of the Service with another port of the units", ports(
			v1alpha1.ServicePort{Name: "x", Port: 7780, TargetPort: 8443},
			v1alpha1.ServicePort{Name: "y", Port: 7779}, v1alpha1.ServicePort{Name: "z", Port: 7783},
		)),
		Entry("the highest port", ports(v1alpha1.ServicePort{Name: "x", Port: 65535, TargetPort: 65535})),
		Entry("a Service of type NodePort", func(p *v1alpha1.HAPair) {
			ports(v1alpha1.ServicePort{Name: "https", Port: 443})(p)
			p.Spec.Service.Type = corev1.ServiceTypeNodePort
		}),
		Entry("a Service that points at virtual addresses", service(func(s *v1alpha1.ServiceSpec) {
			s.Target, s.Network = v1alpha1.TargetVirtualAddress, "wan"
		})),
		Entry("a Service that publishes virtual addresses", service(func(s *v1alpha1.ServiceSpec) {
			s.Type, s.Network = corev1.ServiceTypeLoadBalancer, "wan"
		})),
		Entry("a Service of both IP families", service(func(s *v1alpha1.ServiceSpec) {
			s.IPFamilyPolicy = corev1.IPFamilyPolicyRequireDualStack
		})),
		Entry("an upgrade with supervision", upgrade(v1alpha1.UpgradeSupervised, 30)),
		Entry("an upgrade with the longest deadline", upgrade(v1alpha1.UpgradeAutomatic, 86400)),
		Entry("the shortest lease", lease(2)),
		Entry("the longest lease", lease(60)),
		Entry("the fastest failover", failover(func(f *v1alpha1.FailoverSpec) {
			f.HeartbeatIntervalMilliseconds, f.MissedHeartbeats = 10, 2
		})),
		Entry("the slowest failover", failover(func(f *v1alpha1.FailoverSpec) {
			f.HeartbeatIntervalMilliseconds, f.MissedHeartbeats, f.LeaseDurationSeconds = 1000, 10, 60
		})),
		Entry("the shortest grant", grant(320, 100, 3, 15)),
		Entry("the shortest grant of all", grant(40, 10, 2, 15)),
		Entry("the longest grant", grant(7500, 100, 3, 15)),
		Entry("a derived grant of exactly half the lease", failover(func(f *v1alpha1.FailoverSpec) {
			f.HeartbeatIntervalMilliseconds, f.MissedHeartbeats, f.LeaseDurationSeconds = 400, 5, 6
		})),
		Entry("a derived grant with the minimum margin of exactly half the lease", failover(func(f *v1alpha1.FailoverSpec) {
			f.HeartbeatIntervalMilliseconds, f.MissedHeartbeats, f.LeaseDurationSeconds = 10, 10, 2
		})),
		Entry("forwarding while isolated", failover(func(f *v1alpha1.FailoverSpec) {
			f.Isolation = v1alpha1.IsolationKeepForwarding
		})),
		Entry("preemption without delay", failover(func(f *v1alpha1.FailoverSpec) {
			f.Preemption = v1alpha1.PreemptionSpec{Policy: v1alpha1.PreemptWhenHealthy, DelaySeconds: new(int32)}
		})),
		Entry("preemption with the longest delay", failover(func(f *v1alpha1.FailoverSpec) {
			f.Preemption = v1alpha1.PreemptionSpec{Policy: v1alpha1.PreemptWhenHealthy, DelaySeconds: new(int32(86400))}
		})),
		Entry("sixteen probes", probes(manyProbes(16)...)),
		Entry("probes of each kind", probes(
			v1alpha1.ProbeSpec{Name: "gateway", Network: "wan", ICMP: &v1alpha1.ICMPProbe{Host: "203.0.113.254"}},
			v1alpha1.ProbeSpec{Name: "gateway-6", Network: "lan", ICMP: &v1alpha1.ICMPProbe{Host: "fe80::1"}},
			v1alpha1.ProbeSpec{Name: "db", Network: "lan", TCP: &v1alpha1.TCPProbe{Host: "fd50::5432", Port: 65535}},
			v1alpha1.ProbeSpec{Name: "web", Network: "lan", HTTP: &v1alpha1.HTTPProbe{Host: "192.168.50.80"}},
			v1alpha1.ProbeSpec{Name: "web-2", Network: "lan", HTTP: &v1alpha1.HTTPProbe{
				Host: "192.168.50.80", Port: 8080, Path: "/health?full=1#%20~",
			}},
		)),
		Entry("a probe with the shortest interval", probes(probe(func(p *v1alpha1.ProbeSpec) {
			p.IntervalMilliseconds, p.TimeoutMilliseconds, p.FailureThreshold, p.SuccessThreshold = 100, 99, 1, 1
		}))),
		Entry("no virtual MAC address", virtualMACs(macOf(v1alpha1.VirtualMACNone), macOf(v1alpha1.VirtualMACNone))),
		Entry("derived virtual MAC addresses", virtualMACs(macOf(v1alpha1.VirtualMACAuto), macOf(v1alpha1.VirtualMACAuto))),
		Entry("static virtual MAC addresses", virtualMACs(staticMAC("02:00:5e:10:00:01"), staticMAC("00:00:5E:00:01:FF"))),
		Entry("a static and a derived virtual MAC address",
			virtualMACs(staticMAC("02:00:5e:10:00:01"), macOf(v1alpha1.VirtualMACAuto))),
		Entry("64 virtual addresses of a network", addresses(manyAddresses(64)...)),
		Entry("64 link-local addresses of a network, all of them again on another", networks(
			newNetwork("lan", manyLinkLocal(64)...), newNetwork("wan", manyLinkLocal(64)...))),
		Entry("64 virtual addresses of each of eight networks", networks(fullNetworks()...)),
		Entry("a pause", func(p *v1alpha1.HAPair) { p.Spec.Paused = true }),
		Entry("a reference to a SyncPolicy", func(p *v1alpha1.HAPair) {
			p.Spec.SyncPolicyRef = &v1alpha1.SyncPolicyReference{Name: "edge.sync"}
		}),
		Entry("tolerations and a node selector", func(p *v1alpha1.HAPair) {
			p.Spec.Units.Scheduling = v1alpha1.SchedulingSpec{
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
		Entry("an attachment with an invalid name", "spec.networks[0].attachment.multus.name", "as in lan",
			func(p *v1alpha1.HAPair) { p.Spec.Networks[0].Attachment.Multus.Name = "LAN" }),
		Entry("an attachment with an invalid namespace", "spec.networks[0].attachment.multus.namespace", "edge-networks",
			func(p *v1alpha1.HAPair) { p.Spec.Networks[0].Attachment.Multus.Namespace = "edge.networks" }),

		Entry("65 virtual addresses", "spec.networks[0].virtualAddresses", "must have at most 64 items",
			addresses(manyAddresses(65)...)),
		Entry("the last address of the first network again in the last network", "spec.networks",
			"must belong to one network only", func(p *v1alpha1.HAPair) {
				networks(fullNetworks()...)(p)
				p.Spec.Networks[7].VirtualAddresses[63] = p.Spec.Networks[0].VirtualAddresses[63]
			}),
		Entry("an address in two networks, in another spelling", "spec.networks", "must belong to one network only",
			networks(newNetwork("lan", "2001:db8::1/64"), newNetwork("wan", "2001:DB8:0::1/64"))),
		Entry("an address in two networks", "spec.networks", "must belong to one network only; remove it from the other",
			networks(newNetwork("lan", "192.0.2.1/24"), newNetwork("wan", "198.51.100.1/24", "192.0.2.1/25"))),

		Entry("neither configuration nor image", "spec.firewall.configurationRef", "as in {name: edge}",
			func(p *v1alpha1.HAPair) { p.Spec.Firewall = v1alpha1.FirewallSpec{} }),
		Entry("a configuration without a name", "spec.firewall.configurationRef.name", "at least 1 chars",
			configurationRef("")),
		Entry("a configuration with an invalid name", "spec.firewall.configurationRef.name", "as in edge",
			configurationRef("Edge")),
		Entry("an image name that is too long", "spec.firewall.image", "may not be more than 512",
			func(p *v1alpha1.HAPair) { p.Spec.Firewall.Image = strings.Repeat("x", 513) }),
		Entry("17 tolerations", "spec.units.scheduling.tolerations", "must have at most 16 items",
			func(p *v1alpha1.HAPair) { p.Spec.Units.Scheduling.Tolerations = make([]corev1.Toleration, 17) }),

		Entry("a Service without ports", "spec.service.ports", "should have at least 1 items", ports()),
		Entry("two ports with one name", "spec.service.ports[1]", `Duplicate value: {"name":"web"}`,
			ports(v1alpha1.ServicePort{Name: "web", Port: 80}, v1alpha1.ServicePort{Name: "web", Port: 443})),
		Entry("two ports with one number and protocol", "spec.service.ports", "must differ in port or protocol; change one",
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
		Entry("an unknown protocol", "spec.service.ports[0].protocol", `supported values: "TCP", "UDP", "SCTP"`,
			ports(v1alpha1.ServicePort{Name: "web", Port: 80, Protocol: "ICMP"})),
		Entry("the port of replication", "spec.service.ports[0].port", "set targetPort to the port of your service",
			ports(v1alpha1.ServicePort{Name: "x", Port: 7780})),
		Entry("the port of the heartbeats", "spec.service.ports[0].port", "or choose another port",
			ports(v1alpha1.ServicePort{Name: "x", Port: 7780, Protocol: corev1.ProtocolUDP})),
		Entry("the port of the health checks behind another one", "spec.service.ports[0].targetPort",
			"must not point at the ports 7780 to 7782", ports(v1alpha1.ServicePort{Name: "x", Port: 80, TargetPort: 7781})),
		Entry("the port of the metrics at a virtual address", "spec.service.ports[0].port", "must not point at the ports",
			service(func(s *v1alpha1.ServiceSpec) {
				s.Target, s.Network, s.Ports[0].Port = v1alpha1.TargetVirtualAddress, "wan", 7782
			})),
		Entry("a Service of another type", "spec.service.type", `supported values: "ClusterIP", "NodePort", "LoadBalancer"`,
			service(func(s *v1alpha1.ServiceSpec) { s.Type = corev1.ServiceTypeExternalName })),
		Entry("a Service that points at virtual addresses without a network", "spec.service.network",
			"set it, or use target: ActiveUnit",
			service(func(s *v1alpha1.ServiceSpec) { s.Target = v1alpha1.TargetVirtualAddress })),
		Entry("a Service that publishes virtual addresses without a network", "spec.service.network",
			"set it, or use another type",
			service(func(s *v1alpha1.ServiceSpec) { s.Type = corev1.ServiceTypeLoadBalancer })),
		Entry("a Service of an unknown network", "spec.service.network", "correct it, or add the network",
			service(func(s *v1alpha1.ServiceSpec) { s.Network = "dmz" })),
		Entry("a Service with an unknown target", "spec.service.target",
			`supported values: "ActiveUnit", "VirtualAddress"`, service(func(s *v1alpha1.ServiceSpec) { s.Target = "Both" })),
		Entry("a Service with an unknown IP family policy", "spec.service.ipFamilyPolicy", "supported values",
			service(func(s *v1alpha1.ServiceSpec) { s.IPFamilyPolicy = "TripleStack" })),
		Entry("an upgrade with an unknown strategy", "spec.upgrade.strategy",
			`supported values: "Automatic", "Supervised"`, upgrade("Vendor", 600)),
		Entry("an upgrade with too short a deadline", "spec.upgrade.progressDeadlineSeconds", "greater than or equal to 30",
			upgrade(v1alpha1.UpgradeAutomatic, 29)),
		Entry("an upgrade with too long a deadline", "spec.upgrade.progressDeadlineSeconds",
			"less than or equal to 86400", upgrade(v1alpha1.UpgradeAutomatic, 86401)),
		Entry("a lease too short to be renewed in time", "spec.failover.leaseDurationSeconds", "greater than or equal to 2",
			lease(1)),
		Entry("a lease longer than anyone waits", "spec.failover.leaseDurationSeconds", "less than or equal to 60",
			lease(61)),
		Entry("heartbeats too quick", "spec.failover.heartbeatIntervalMilliseconds", "greater than or equal to 10",
			failover(func(f *v1alpha1.FailoverSpec) { f.HeartbeatIntervalMilliseconds = 9 })),
		Entry("heartbeats too slow", "spec.failover.heartbeatIntervalMilliseconds", "less than or equal to 1000",
			failover(func(f *v1alpha1.FailoverSpec) { f.HeartbeatIntervalMilliseconds = 1001 })),
		Entry("a single missed heartbeat", "spec.failover.missedHeartbeats", "greater than or equal to 2",
			failover(func(f *v1alpha1.FailoverSpec) { f.MissedHeartbeats = 1 })),
		Entry("too many missed heartbeats", "spec.failover.missedHeartbeats", "less than or equal to 10",
			failover(func(f *v1alpha1.FailoverSpec) { f.MissedHeartbeats = 11 })),
		Entry("a grant too short to notice its end", "spec.failover.grantMilliseconds",
			"must be at least heartbeatIntervalMilliseconds × missedHeartbeats + 20", grant(319, 100, 3, 15)),
		Entry("a grant longer than half the lease", "spec.failover.grantMilliseconds",
			"must be at most half of leaseDurationSeconds; lower it, or raise", grant(7501, 100, 3, 15)),
		Entry("a derived grant longer than half the lease", "spec.failover.leaseDurationSeconds",
			"the grant derived from heartbeatIntervalMilliseconds × missedHeartbeats must be at most half",
			failover(func(f *v1alpha1.FailoverSpec) {
				f.HeartbeatIntervalMilliseconds, f.MissedHeartbeats, f.LeaseDurationSeconds = 401, 5, 6
			})),
		Entry("the slowest heartbeats with the lease left as it is", "spec.failover.leaseDurationSeconds", "lower one of",
			failover(func(f *v1alpha1.FailoverSpec) { f.HeartbeatIntervalMilliseconds, f.MissedHeartbeats = 1000, 10 })),
		Entry("a policy for isolation that is unknown", "spec.failover.isolation",
			`supported values: "Fence", "KeepForwarding"`,
			failover(func(f *v1alpha1.FailoverSpec) { f.Isolation = "Panic" })),
		Entry("a preemption policy that is unknown", "spec.failover.preemption.policy",
			`supported values: "Never", "WhenHealthy"`,
			failover(func(f *v1alpha1.FailoverSpec) { f.Preemption.Policy = "Always" })),
		Entry("a return before its time", "spec.failover.preemption.delaySeconds", "greater than or equal to 0",
			failover(func(f *v1alpha1.FailoverSpec) { f.Preemption.DelaySeconds = new(int32(-1)) })),
		Entry("a return after more than a day", "spec.failover.preemption.delaySeconds", "less than or equal to 86400",
			failover(func(f *v1alpha1.FailoverSpec) { f.Preemption.DelaySeconds = new(int32(86401)) })),
		Entry("damping below nothing", "spec.failover.monitors.dampingSeconds", "greater than or equal to 1",
			failover(func(f *v1alpha1.FailoverSpec) { f.Monitors.DampingSeconds = -1 })),
		Entry("damping without end", "spec.failover.monitors.dampingSeconds", "less than or equal to 300",
			failover(func(f *v1alpha1.FailoverSpec) { f.Monitors.DampingSeconds = 301 })),

		Entry("seventeen probes", "spec.failover.monitors.probes", "must have at most 16 items", probes(manyProbes(17)...)),
		Entry("two probes of one name", "spec.failover.monitors.probes[1]", `Duplicate value: {"name":"gateway"}`,
			probes(probe(func(*v1alpha1.ProbeSpec) {}), probe(func(*v1alpha1.ProbeSpec) {}))),
		Entry("a probe of a network that there is not", "spec.failover.monitors.probes",
			"must be the name of one of spec.networks; correct it",
			probes(probe(func(p *v1alpha1.ProbeSpec) { p.Network = "dmz" }))),

		Entry("a probe of a virtual address", "spec.failover.monitors.probes", "must not be a virtual address",
			probes(probe(func(p *v1alpha1.ProbeSpec) { p.ICMP.Host = "203.0.113.1" }))),
		Entry("a probe of the units' own port at a virtual address of another network", "spec.failover.monitors.probes",
			"choose the address of another host", probes(
				probe(func(*v1alpha1.ProbeSpec) {}),
				probe(func(p *v1alpha1.ProbeSpec) {
					p.Name, p.ICMP, p.TCP = "own", nil, &v1alpha1.TCPProbe{Host: "192.168.50.1", Port: 7780}
				}))),
		Entry("a probe of a virtual address in another spelling", "spec.failover.monitors.probes",
			"must not be a virtual address", func(p *v1alpha1.HAPair) {
				p.Spec.Networks[1].VirtualAddresses = []string{"2001:db8::1/64"}
				probes(probe(func(p *v1alpha1.ProbeSpec) {
					p.ICMP, p.HTTP = nil, &v1alpha1.HTTPProbe{Host: "2001:DB8:0::1"}
				}))(p)
			}),

		Entry("one virtual MAC address on two networks", "spec.networks", "must belong to one network only; change one",
			virtualMACs(staticMAC("02:00:5e:10:00:0a"), staticMAC("02:00:5E:10:00:0A"))),

		Entry("a SyncPolicy without a name", "spec.syncPolicyRef.name", "at least 1 chars",
			func(p *v1alpha1.HAPair) { p.Spec.SyncPolicyRef = &v1alpha1.SyncPolicyReference{} }),
		Entry("a SyncPolicy with an invalid name", "spec.syncPolicyRef.name", "as in edge",
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
		Entry("an IPv4-mapped IPv6 address", "[0]", "as in 192.0.2.1/24", "::ffff:192.0.2.1/120"),
		Entry("the second address wrong", "[1]", "as in 192.0.2.1/24", "192.0.2.1/24", "x"),
		Entry("a loopback address", "[0]", "unicast address that is neither loopback", "127.0.0.1/8"),
		Entry("a loopback address of IPv6", "[0]", "unicast address that is neither loopback", "::1/64"),
		Entry("a multicast address", "[0]", "must be a unicast address", "224.0.0.18/24"),
		Entry("a multicast address of IPv6", "[0]", "must be a unicast address", "ff02::12/64"),
		Entry("the address of a link-local network", "[0]", "must be a host's address", "fe80::/64"),
		Entry("an address of this network", "[0]", "which no host can have", "0.1.2.3/24"),
		Entry("an address for future use", "[0]", "which no host can have", "240.0.0.1/24"),
		Entry("a prefix length of 0", "[0]", "must be at least 1", "192.0.2.1/0"),
		Entry("a broadcast address", "[0]", "192.0.2.1/24 instead of 192.0.2.255/24", "192.0.2.255/24"),
		Entry("a broadcast address of a longer prefix", "[0]", "not the broadcast address", "192.0.2.3/30"),
		Entry("a broadcast address of a shorter prefix", "[0]", "not the broadcast address", "10.255.255.255/8"),
		Entry("a broadcast address of an odd prefix", "[1]", "not the broadcast address", "192.0.2.1/23", "192.0.3.255/23"),
		Entry("a link-local broadcast address", "[0]", "not the broadcast address", "169.254.255.255/16"),
		Entry("the unspecified address", "[0]", "unspecified", "0.0.0.0/0"),
		Entry("the limited broadcast address", "[0]", "must be a unicast address", "255.255.255.255/32"),
		Entry("the address of a network", "[0]", "192.0.2.1/24 instead of 192.0.2.0/24", "192.0.2.0/24"),
		Entry("the address of a network of IPv6", "[0]", "must be a host's address", "2001:db8::/64"),
		Entry("an address twice in a network", "", "Duplicate value", "192.0.2.1/24", "192.0.2.1/24"),
		Entry("an address twice, with another prefix length", "", "must be listed once", "192.0.2.1/24", "192.0.2.1/25"),
		Entry("an address twice, in another spelling", "", "must be listed once", "2001:db8::1/64", "2001:DB8:0::1/64"),
	)

	DescribeTable("refuses as a network's virtual MAC address",
		func(ctx SpecContext, address, remedy string) {
			pair := newPair()
			virtualMACs(staticMAC(address))(pair)
			expectRefusal(ctx, pair, "spec.networks[0].virtualMAC.address", remedy)
		},
		Entry("a word instead of an address", "Auto", "must be a MAC address, as in 02:00:5e:10:00:01"),
		Entry("an address with hyphens", "02-00-5e-10-00-01", "must be a MAC address"),
		Entry("an address that is too short", "02:00:5e:10:00", "must be a MAC address"),
		Entry("an address that is too long", "02:00:5e:10:00:01:02", "17"),
		Entry("a multicast address", "01:00:5e:10:00:01", "must be a unicast address, whose first octet is even"),
		Entry("the broadcast address", "FF:FF:FF:FF:FF:FF", "must be a unicast address"),
		Entry("all zeros", "00:00:00:00:00:00", "must not be all zeros; choose another"),
	)

	DescribeTable("refuses as the type of a virtual MAC address",
		func(ctx SpecContext, field, remedy string, mac v1alpha1.VirtualMACSpec) {
			pair := newPair()
			virtualMACs(mac)(pair)
			expectRefusal(ctx, pair, "spec.networks[0].virtualMAC"+field, remedy)
		},
		Entry("an unknown type", ".type", `supported values: "None", "Auto", "Static"`, macOf("Random")),
		Entry("Static without an address", ".address", "set it, or use type: Auto", macOf(v1alpha1.VirtualMACStatic)),
		Entry("Auto with an address", ".address", "remove it, or set type: Static",
			v1alpha1.VirtualMACSpec{Type: v1alpha1.VirtualMACAuto, Address: "02:00:5e:10:00:01"}),
		Entry("None with an address", ".address", "remove it, or set type: Static",
			v1alpha1.VirtualMACSpec{Address: "02:00:5e:10:00:01"}),
	)

	DescribeTable("refuses as a probe",
		func(ctx SpecContext, field, remedy string, change func(*v1alpha1.ProbeSpec)) {
			pair := newPair()
			probes(probe(change))(pair)
			expectRefusal(ctx, pair, "spec.failover.monitors.probes[0]"+field, remedy)
		},
		Entry("one without a name", ".name", "at least 1 chars", func(p *v1alpha1.ProbeSpec) { p.Name = "" }),
		Entry("one with an invalid name", ".name", "as in gateway", func(p *v1alpha1.ProbeSpec) { p.Name = "a b" }),
		Entry("one without a target", "", "exactly one of icmp, tcp and http must be set, as in icmp: {host: 192.0.2.254}",
			func(p *v1alpha1.ProbeSpec) { p.ICMP = nil }),
		Entry("one with two targets", "", "exactly one of icmp, tcp and http must be set",
			func(p *v1alpha1.ProbeSpec) { p.TCP = &v1alpha1.TCPProbe{Host: "192.0.2.254", Port: 80} }),
		Entry("one with three targets", "", "exactly one of icmp, tcp and http must be set",
			func(p *v1alpha1.ProbeSpec) {
				p.TCP = &v1alpha1.TCPProbe{Host: "192.0.2.254", Port: 80}
				p.HTTP = &v1alpha1.HTTPProbe{Host: "192.0.2.254"}
			}),
		Entry("one with a host name", ".icmp.host", "as in 192.0.2.254; replace a host name by its address",
			func(p *v1alpha1.ProbeSpec) { p.ICMP.Host = "gateway.example" }),
		Entry("one with a zone in its address", ".icmp.host", "as in 192.0.2.254",
			func(p *v1alpha1.ProbeSpec) { p.ICMP.Host = "fe80::1%lan" }),
		Entry("one to a loopback address", ".icmp.host", "unicast address of another host",
			func(p *v1alpha1.ProbeSpec) { p.ICMP.Host = "127.0.0.1" }),
		Entry("one to a multicast address", ".icmp.host", "unicast address of another host",
			func(p *v1alpha1.ProbeSpec) { p.ICMP.Host = "ff02::1" }),
		Entry("one to port 0", ".tcp.port", "greater than or equal to 1",
			func(p *v1alpha1.ProbeSpec) { p.ICMP, p.TCP = nil, &v1alpha1.TCPProbe{Host: "192.0.2.254"} }),
		Entry("one to port 65536", ".http.port", "less than or equal to 65535",
			func(p *v1alpha1.ProbeSpec) {
				p.ICMP, p.HTTP = nil, &v1alpha1.HTTPProbe{Host: "192.0.2.254", Port: 65536}
			}),
		Entry("one with a path that does not begin with a slash", ".http.path", "must begin with '/'",
			func(p *v1alpha1.ProbeSpec) {
				p.ICMP, p.HTTP = nil, &v1alpha1.HTTPProbe{Host: "192.0.2.254", Path: "healthz"}
			}),
		Entry("one with a path whose escape is not hexadecimal", ".http.path", "two hexadecimal digits after each '%'",
			func(p *v1alpha1.ProbeSpec) {
				p.ICMP, p.HTTP = nil, &v1alpha1.HTTPProbe{Host: "192.0.2.254", Path: "/%zz"}
			}),
		Entry("one with a path that ends within an escape", ".http.path", "two hexadecimal digits after each '%'",
			func(p *v1alpha1.ProbeSpec) {
				p.ICMP, p.HTTP = nil, &v1alpha1.HTTPProbe{Host: "192.0.2.254", Path: "/%2"}
			}),
		Entry("one with a path of two lines", ".http.path", "without spaces",
			func(p *v1alpha1.ProbeSpec) {
				p.ICMP, p.HTTP = nil, &v1alpha1.HTTPProbe{Host: "192.0.2.254", Path: "/ HTTP/1.1\r\nHost: x"}
			}),
		Entry("one with a timeout as long as its interval", ".timeoutMilliseconds", "must be less than intervalMilliseconds",
			func(p *v1alpha1.ProbeSpec) { p.IntervalMilliseconds, p.TimeoutMilliseconds = 500, 500 }),
		Entry("one with an interval below the default timeout", ".timeoutMilliseconds",
			"lower it, or raise intervalMilliseconds",
			func(p *v1alpha1.ProbeSpec) { p.IntervalMilliseconds = 200 }),
		Entry("one with too short an interval", ".intervalMilliseconds", "greater than or equal to 100",
			func(p *v1alpha1.ProbeSpec) { p.IntervalMilliseconds = 99 }),
		Entry("one with too long an interval", ".intervalMilliseconds", "less than or equal to 60000",
			func(p *v1alpha1.ProbeSpec) { p.IntervalMilliseconds = 60001 }),
		Entry("one with too short a timeout", ".timeoutMilliseconds", "greater than or equal to 10",
			func(p *v1alpha1.ProbeSpec) { p.TimeoutMilliseconds = 9 }),
		Entry("one with too high a failure threshold", ".failureThreshold", "less than or equal to 100",
			func(p *v1alpha1.ProbeSpec) { p.FailureThreshold = 101 }),
		Entry("one without a failure threshold", ".failureThreshold", "greater than or equal to 1",
			func(p *v1alpha1.ProbeSpec) { p.FailureThreshold = -1 }),
		Entry("one with too high a success threshold", ".successThreshold", "less than or equal to 100",
			func(p *v1alpha1.ProbeSpec) { p.SuccessThreshold = 101 }),
	)

	DescribeTable("requires",
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
		Entry("the name of the configuration", "spec.firewall.configurationRef.name", `
apiVersion: hapair.io/v1alpha1
kind: HAPair
metadata: {name: edge, namespace: default}
spec:
  firewall: {configurationRef: {}}
  networks: [{name: lan, attachment: {multus: {name: lan}}, virtualAddresses: [192.0.2.1/24]}]`),
		Entry("networks", "spec.networks", `
apiVersion: hapair.io/v1alpha1
kind: HAPair
metadata: {name: edge, namespace: default}
spec:
  firewall: {configurationRef: {name: edge}}`),
		Entry("an attachment", "spec.networks[0].attachment", `
apiVersion: hapair.io/v1alpha1
kind: HAPair
metadata: {name: edge, namespace: default}
spec:
  firewall: {configurationRef: {name: edge}}
  networks: [{name: lan, virtualAddresses: [192.0.2.1/24]}]`),
		Entry("virtual addresses", "spec.networks[0].virtualAddresses", `
apiVersion: hapair.io/v1alpha1
kind: HAPair
metadata: {name: edge, namespace: default}
spec:
  firewall: {configurationRef: {name: edge}}
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

func configurationRef(name string) pairChange {
	return func(p *v1alpha1.HAPair) {
		p.Spec.Firewall.ConfigurationRef = &v1alpha1.FirewallConfigurationReference{Name: name}
	}
}

func ports(list ...v1alpha1.ServicePort) pairChange {
	return func(p *v1alpha1.HAPair) {
		p.Spec.Service = &v1alpha1.ServiceSpec{Ports: append([]v1alpha1.ServicePort{}, list...)}
	}
}

// service changes a valid Service.
func service(change func(*v1alpha1.ServiceSpec)) pairChange {
	return func(p *v1alpha1.HAPair) {
		ports(v1alpha1.ServicePort{Name: "https", Port: 443})(p)
		change(p.Spec.Service)
	}
}

func upgrade(strategy v1alpha1.UpgradeStrategy, deadline int32) pairChange {
	return func(p *v1alpha1.HAPair) {
		p.Spec.Upgrade = v1alpha1.UpgradeSpec{Strategy: strategy, ProgressDeadlineSeconds: deadline}
	}
}

func lease(seconds int32) pairChange {
	return func(p *v1alpha1.HAPair) { p.Spec.Failover.LeaseDurationSeconds = seconds }
}

func failover(change func(*v1alpha1.FailoverSpec)) pairChange {
	return func(p *v1alpha1.HAPair) { change(&p.Spec.Failover) }
}

func grant(milliseconds, interval, missed, leaseSeconds int32) pairChange {
	return failover(func(f *v1alpha1.FailoverSpec) {
		f.GrantMilliseconds, f.HeartbeatIntervalMilliseconds, f.MissedHeartbeats = milliseconds, interval, missed
		f.LeaseDurationSeconds = leaseSeconds
	})
}

func probes(list ...v1alpha1.ProbeSpec) pairChange {
	return failover(func(f *v1alpha1.FailoverSpec) { f.Monitors.Probes = list })
}

// probe returns a valid probe with one change.
func probe(change func(*v1alpha1.ProbeSpec)) v1alpha1.ProbeSpec {
	p := v1alpha1.ProbeSpec{Name: "gateway", Network: "wan", ICMP: &v1alpha1.ICMPProbe{Host: "203.0.113.254"}}
	change(&p)
	return p
}

// virtualMACs sets the virtual MAC address of each network.
func virtualMACs(list ...v1alpha1.VirtualMACSpec) pairChange {
	return func(p *v1alpha1.HAPair) {
		for i, mac := range list {
			p.Spec.Networks[i].VirtualMAC = mac
		}
	}
}

func macOf(kind v1alpha1.VirtualMACType) v1alpha1.VirtualMACSpec {
	return v1alpha1.VirtualMACSpec{Type: kind}
}

func staticMAC(address string) v1alpha1.VirtualMACSpec {
	return v1alpha1.VirtualMACSpec{Type: v1alpha1.VirtualMACStatic, Address: address}
}

func manyProbes(n int) []v1alpha1.ProbeSpec {
	list := make([]v1alpha1.ProbeSpec, n)
	for i := range list {
		list[i] = probe(func(p *v1alpha1.ProbeSpec) { p.Name = fmt.Sprintf("gateway-%d", i) })
	}
	return list
}

func manyNetworks(n int) []v1alpha1.NetworkSpec {
	list := make([]v1alpha1.NetworkSpec, n)
	for i := range list {
		list[i] = newNetwork(fmt.Sprintf("net%d", i), fmt.Sprintf("10.0.%d.1/24", i))
	}
	return list
}

// fullNetworks returns as many networks and virtual addresses as a pair can have, all in the longest spelling.
func fullNetworks() []v1alpha1.NetworkSpec {
	list := manyNetworks(8)
	for i := range list {
		list[i].VirtualAddresses = nil
		for j := range 64 {
			list[i].VirtualAddresses = append(list[i].VirtualAddresses,
				fmt.Sprintf("2001:0db8:0000:0000:0000:0000:%04x:%04x/127", i+1, j+1))
		}
	}
	return list
}

func manyLinkLocal(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("fe80::%x/64", i+1)
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
