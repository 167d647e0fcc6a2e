//go:build apiserver

package v1alpha1_test

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// policyChange makes a valid policy into the one that a case is about.
type policyChange func(*v1alpha1.SyncPolicy)

var _ = Describe("SyncPolicy", func() {
	DescribeTable("accepts",
		func(ctx SpecContext, change policyChange) {
			policy := newPolicy()
			change(policy)
			Expect(trial.Create(ctx, policy)).To(Succeed())
		},
		Entry("a valid policy as it is", func(*v1alpha1.SyncPolicy) {}),
		Entry("a policy that says nothing", func(p *v1alpha1.SyncPolicy) { p.Spec = v1alpha1.SyncPolicySpec{} }),
		Entry("a class left out", classes(v1alpha1.SyncClass{Name: v1alpha1.ConnectionCache, Mode: v1alpha1.SyncModeSkip})),
		Entry("every protocol", protocols("TCP", "UDP", "SCTP", "ICMP", "ICMPv6", "GRE")),
		Entry("excluded networks of both families", excluded("192.0.2.0/24", "2001:db8::/32", "198.51.100.7/32")),
		Entry("everything excluded", excluded("0.0.0.0/0", "::/0")),
		Entry("64 excluded networks", excluded(manyBlocks(64)...)),
		Entry("the slowest throttle", throttle(100)),
		Entry("the fastest throttle", throttle(10_000_000)),
		Entry("a throttle of bandwidth alone", bandwidth(64)),
		Entry("the widest bandwidth", bandwidth(100_000_000)),
		Entry("every TCP state", tcpStates("SynSent", "SynReceived", "Established", "FinWait", "CloseWait", "LastAck",
			"TimeWait", "Close", "SimultaneousOpen")),
		Entry("the least minimum age", minimumAge(1)),
		Entry("the highest minimum age", minimumAge(60)),
	)

	DescribeTable("refuses",
		func(ctx SpecContext, field, remedy string, change policyChange) {
			policy := newPolicy()
			change(policy)
			expectRefusal(ctx, policy, field, remedy)
		},
		Entry("a class that does not exist", "spec.classes[0].name", `supported values: "ConnectionCache"`,
			classes(v1alpha1.SyncClass{Name: "Connections", Mode: v1alpha1.SyncModeSkip})),
		Entry("a mode that does not exist", "spec.classes[0].mode", `supported values: "Replicate", "Skip"`,
			classes(v1alpha1.SyncClass{Name: v1alpha1.ConnectionCache, Mode: "Off"})),
		Entry("a class listed twice", "spec.classes[1]", `Duplicate value: {"name":"ConnectionCache"}`,
			classes(
				v1alpha1.SyncClass{Name: v1alpha1.ConnectionCache, Mode: v1alpha1.SyncModeSkip},
				v1alpha1.SyncClass{Name: v1alpha1.ConnectionCache, Mode: v1alpha1.SyncModeReplicate},
			)),

		Entry("a protocol that does not exist", "spec.connections.protocols[0]",
			`supported values: "TCP", "UDP", "SCTP", "ICMP", "ICMPv6", "GRE"`, protocols("tcp")),
		Entry("a protocol listed twice", "spec.connections.protocols[1]", `Duplicate value: "TCP"`, protocols("TCP", "TCP")),

		Entry("a block without prefix length", "spec.connections.excludedNetworks[0]", "as in 192.0.2.0/24",
			excluded("192.0.2.0")),
		Entry("a block with host bits", "spec.connections.excludedNetworks[0]", "without host bits",
			excluded("192.0.2.1/24")),
		Entry("a block with host bits of IPv6", "spec.connections.excludedNetworks[1]", "without host bits",
			excluded("2001:db8::/32", "2001:db8::1/32")),
		Entry("a block listed twice", "spec.connections.excludedNetworks[1]", "Duplicate value",
			excluded("192.0.2.0/24", "192.0.2.0/24")),
		Entry("65 excluded networks", "spec.connections.excludedNetworks", "must have at most 64 items",
			excluded(manyBlocks(65)...)),

		Entry("a throttle that would never catch up", "spec.throttle.recordsPerSecond", "greater than or equal to 100",
			throttle(99)),
		Entry("a throttle beyond any machine", "spec.throttle.recordsPerSecond", "less than or equal to 10000000",
			throttle(10_000_001)),
		Entry("a bandwidth that would never catch up", "spec.throttle.kilobitsPerSecond", "greater than or equal to 64",
			bandwidth(63)),
		Entry("a bandwidth beyond any link", "spec.throttle.kilobitsPerSecond", "less than or equal to 100000000",
			bandwidth(100_000_001)),
		Entry("a throttle that bounds nothing", "spec.throttle", "set recordsPerSecond, kilobitsPerSecond, or both",
			throttle(0)),
		Entry("a TCP state that does not exist", "spec.connections.tcpStates[0]", `supported values: "SynSent"`,
			tcpStates("ESTABLISHED")),
		Entry("a TCP state listed twice", "spec.connections.tcpStates[1]", "Duplicate value",
			tcpStates("Established", "Established")),
		Entry("a minimum age that few connections reach", "spec.connections.minimumAgeSeconds",
			"less than or equal to 60", minimumAge(61)),
		Entry("a negative minimum age", "spec.connections.minimumAgeSeconds", "greater than or equal to 1", minimumAge(-1)),
	)

	DescribeTable("demands",
		func(ctx SpecContext, field, spec string) {
			expectRefusal(ctx, parse(`
apiVersion: hapair.io/v1alpha1
kind: SyncPolicy
metadata: {name: edge, namespace: default}
`+spec), field, "Required value")
		},
		Entry("a spec", "spec", ``),
		Entry("the name of a class", "spec.classes[0].name", `spec: {classes: [{mode: Skip}]}`),
		Entry("the mode of a class", "spec.classes[0].mode", `spec: {classes: [{name: ConnectionCache}]}`),
	)
})

func classes(list ...v1alpha1.SyncClass) policyChange {
	return func(p *v1alpha1.SyncPolicy) { p.Spec.Classes = list }
}

func protocols(list ...v1alpha1.ConnectionProtocol) policyChange {
	return func(p *v1alpha1.SyncPolicy) { p.Spec.Connections = &v1alpha1.ConnectionFilter{Protocols: list} }
}

func excluded(list ...string) policyChange {
	return func(p *v1alpha1.SyncPolicy) { p.Spec.Connections = &v1alpha1.ConnectionFilter{ExcludedNetworks: list} }
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
	return func(p *v1alpha1.SyncPolicy) {
		p.Spec.Connections = &v1alpha1.ConnectionFilter{MinimumAgeSeconds: seconds}
	}
}

func tcpStates(list ...v1alpha1.TCPState) policyChange {
	return func(p *v1alpha1.SyncPolicy) { p.Spec.Connections = &v1alpha1.ConnectionFilter{TCPStates: list} }
}

func manyBlocks(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("10.0.%d.0/24", i)
	}
	return list
}
