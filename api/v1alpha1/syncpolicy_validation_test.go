//go:build apiserver

package v1alpha1_test

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// policyChange changes a valid policy into the policy of a case.
type policyChange func(*v1alpha1.SyncPolicy)

var _ = Describe("SyncPolicy", func() {
	DescribeTable("accepts",
		func(ctx SpecContext, change policyChange) {
			policy := newPolicy()
			change(policy)
			Expect(trial.Create(ctx, policy)).To(Succeed())
		},
		Entry("a valid policy without a change", func(*v1alpha1.SyncPolicy) {}),
		Entry("an empty policy", func(p *v1alpha1.SyncPolicy) { p.Spec = v1alpha1.SyncPolicySpec{} }),
		Entry("a class without a mode", classes(v1alpha1.SyncClass{Name: v1alpha1.ConnectionCache})),
		Entry("a class with its default",
			classes(v1alpha1.SyncClass{Name: v1alpha1.ConnectionCache, Mode: v1alpha1.SyncModeDefault})),
		Entry("the lowest weight", weight(1)),
		Entry("the highest weight", weight(64)),
		Entry("the shortest interval of audits", audit(60)),
		Entry("the longest interval of audits", audit(86400)),
		Entry("audits without an interval", audit(0)),
		Entry("a class that is skipped",
			classes(v1alpha1.SyncClass{Name: v1alpha1.ConnectionCache, Mode: v1alpha1.SyncModeSkip})),
		Entry("every protocol", protocols("TCP", "UDP", "SCTP", "ICMP", "ICMPv6", "GRE")),
		Entry("excluded networks of both families", excluded("192.0.2.0/24", "2001:db8::/32", "198.51.100.7/32")),
		Entry("everything excluded", excluded("0.0.0.0/0", "::/0")),
		Entry("64 excluded networks", excluded(manyBlocks(64)...)),
		Entry("the slowest throttle", throttle(100)),
		Entry("the fastest throttle", throttle(10_000_000)),
		Entry("a throttle of bandwidth alone", bandwidth(64)),
		Entry("the highest bandwidth", bandwidth(100_000_000)),
		Entry("every TCP state", tcpStates("SynSent", "SynReceived", "Established", "FinWait", "CloseWait", "LastAck",
			"TimeWait", "Close", "SimultaneousOpen")),
		Entry("the lowest minimum age", minimumAge(1)),
		Entry("the highest minimum age", minimumAge(60)),
	)

	DescribeTable("refuses",
		func(ctx SpecContext, field, remedy string, change policyChange) {
			policy := newPolicy()
			change(policy)
			expectRefusal(ctx, policy, field, remedy)
		},
		Entry("a class that does not exist", "spec.classes[0].name", `supported values: "ARP", `,
			classes(v1alpha1.SyncClass{Name: "Connections", Mode: v1alpha1.SyncModeSkip})),
		Entry("a mode that does not exist", "spec.classes[0].mode", `supported values: "Default", "Replicate", "Skip"`,
			classes(v1alpha1.SyncClass{Name: v1alpha1.ConnectionCache, Mode: "Off"})),
		Entry("a class that is always replicated", "spec.classes[0].name", `supported values: "ARP", `,
			classes(v1alpha1.SyncClass{Name: "Configuration", Mode: v1alpha1.SyncModeSkip})),
		Entry("the class DynamicWANClients", "spec.classes[0].name", "never replicated, because the session is in the memory",
			classes(v1alpha1.SyncClass{Name: "DynamicWANClients", Mode: v1alpha1.SyncModeReplicate})),
		Entry("the class IPHelper", "spec.classes[0].name", "never replicated, because hosts repeat their requests",
			classes(v1alpha1.SyncClass{Name: "IPHelper", Mode: v1alpha1.SyncModeReplicate})),
		Entry("the class SYNFloodProtection", "spec.classes[0].name", "never replicated, because the new active must judge",
			classes(v1alpha1.SyncClass{Name: "SYNFloodProtection", Mode: v1alpha1.SyncModeSkip})),
		Entry("the class DeepPacketInspection", "spec.classes[0].name", "never replicated, because this is in the memory",
			classes(v1alpha1.SyncClass{Name: "DeepPacketInspection"})),
		Entry("a negative weight", "spec.classes[0].weight", "greater than or equal to 1", weight(-1)),
		Entry("a weight that is too high", "spec.classes[0].weight", "less than or equal to 64", weight(65)),
		Entry("too short an interval of audits", "spec.audit.intervalSeconds", "greater than or equal to 60", audit(59)),
		Entry("too long an interval of audits", "spec.audit.intervalSeconds", "less than or equal to 86400", audit(86401)),
		Entry("a class listed twice", "spec.classes[1]", `Duplicate value: {"name":"ConnectionCache"}`,
			classes(
				v1alpha1.SyncClass{Name: v1alpha1.ConnectionCache, Mode: v1alpha1.SyncModeSkip},
				v1alpha1.SyncClass{Name: v1alpha1.ConnectionCache, Mode: v1alpha1.SyncModeReplicate},
			)),

		Entry("a protocol that does not exist", "spec.classes[0].connectionCache.protocols[0]",
			`supported values: "TCP", "UDP", "SCTP", "ICMP", "ICMPv6", "GRE"`, protocols("tcp")),
		Entry("a protocol listed twice", "spec.classes[0].connectionCache.protocols[1]", `Duplicate value: "TCP"`,
			protocols("TCP", "TCP")),

		Entry("a block without prefix length", "spec.classes[0].connectionCache.excludedNetworks[0]", "as in 192.0.2.0/24",
			excluded("192.0.2.0")),
		Entry("a block with host bits", "spec.classes[0].connectionCache.excludedNetworks[0]", "without host bits",
			excluded("192.0.2.1/24")),
		Entry("a block with host bits of IPv6", "spec.classes[0].connectionCache.excludedNetworks[1]", "without host bits",
			excluded("2001:db8::/32", "2001:db8::1/32")),
		Entry("a block listed twice", "spec.classes[0].connectionCache.excludedNetworks[1]", "Duplicate value",
			excluded("192.0.2.0/24", "192.0.2.0/24")),
		Entry("65 excluded networks", "spec.classes[0].connectionCache.excludedNetworks", "must have at most 64 items",
			excluded(manyBlocks(65)...)),

		Entry("a throttle that is too low", "spec.throttle.recordsPerSecond", "greater than or equal to 100",
			throttle(99)),
		Entry("a throttle that is too high", "spec.throttle.recordsPerSecond", "less than or equal to 10000000",
			throttle(10_000_001)),
		Entry("a bandwidth that is too low", "spec.throttle.kilobitsPerSecond", "greater than or equal to 64",
			bandwidth(63)),
		Entry("a bandwidth that is too high", "spec.throttle.kilobitsPerSecond", "less than or equal to 100000000",
			bandwidth(100_000_001)),
		Entry("a throttle that bounds nothing", "spec.throttle", "set recordsPerSecond, kilobitsPerSecond, or both",
			throttle(0)),
		Entry("an unknown TCP state", "spec.classes[0].connectionCache.tcpStates[0]", `supported values: "SynSent"`,
			tcpStates("ESTABLISHED")),
		Entry("a TCP state listed twice", "spec.classes[0].connectionCache.tcpStates[1]", "Duplicate value",
			tcpStates("Established", "Established")),
		Entry("a minimum age that is too high", "spec.classes[0].connectionCache.minimumAgeSeconds",
			"less than or equal to 60", minimumAge(61)),
		Entry("a negative minimum age", "spec.classes[0].connectionCache.minimumAgeSeconds", "greater than or equal to 1",
			minimumAge(-1)),
	)

	DescribeTable("requires",
		func(ctx SpecContext, field, spec string) {
			expectRefusal(ctx, parse(`
apiVersion: hapair.io/v1alpha1
kind: SyncPolicy
metadata: {name: edge, namespace: default}
`+spec), field, "Required value")
		},
		Entry("a spec", "spec", ``),
		Entry("the name of a class", "spec.classes[0].name", `spec: {classes: [{mode: Skip}]}`),
	)
})

// A client must not take a policy as accepted before the operator has seen it.
var _ = It("A new SyncPolicy has the observed generation -1", func(ctx SpecContext) {
	policy := newPolicy()
	policy.Name = "unseen"
	Expect(server.Create(ctx, policy)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) { Expect(server.Delete(ctx, policy)).To(Succeed()) })
	Expect(server.Get(ctx, client.ObjectKeyFromObject(policy), policy)).To(Succeed())
	Expect(policy.Status.ObservedGeneration).To(BeEquivalentTo(-1))
	Expect(policy.Spec.Classes[0].Mode).To(Equal(v1alpha1.SyncModeReplicate))
})

func classes(list ...v1alpha1.SyncClass) policyChange {
	return func(p *v1alpha1.SyncPolicy) { p.Spec.Classes = list }
}

func protocols(list ...v1alpha1.ConnectionProtocol) policyChange {
	return connectionCache(v1alpha1.ConnectionCacheOptions{Protocols: list})
}

func excluded(list ...string) policyChange {
	return connectionCache(v1alpha1.ConnectionCacheOptions{ExcludedNetworks: list})
}

func connectionCache(o v1alpha1.ConnectionCacheOptions) policyChange {
	return classes(v1alpha1.SyncClass{Name: v1alpha1.ConnectionCache, ConnectionCache: &o})
}

func weight(w int32) policyChange {
	return classes(v1alpha1.SyncClass{Name: v1alpha1.ConnectionCache, Weight: w})
}

func audit(seconds int32) policyChange {
	return func(p *v1alpha1.SyncPolicy) { p.Spec.Audit = &v1alpha1.SyncAudit{IntervalSeconds: seconds} }
}

func throttle(recordsPerSecond int32) policyChange {
	return func(p *v1alpha1.SyncPolicy) {
		p.Spec.Throttle = &v1alpha1.SyncThrottle{RecordsPerSecond: recordsPerSecond}
	}
}

func bandwidth(kilobitsPerSecond int32) policyChange {
	return func(p *v1alpha1.SyncPolicy) {
		p.Spec.Throttle = &v1alpha1.SyncThrottle{KilobitsPerSecond: kilobitsPerSecond}
	}
}

func minimumAge(seconds int32) policyChange {
	return connectionCache(v1alpha1.ConnectionCacheOptions{MinimumAgeSeconds: seconds})
}

func tcpStates(list ...v1alpha1.TCPState) policyChange {
	return connectionCache(v1alpha1.ConnectionCacheOptions{TCPStates: list})
}

func manyBlocks(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("10.0.%d.0/24", i)
	}
	return list
}
