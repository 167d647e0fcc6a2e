//go:build apiserver

package v1alpha1_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("Links of a FirewallConfiguration", func() {
	type link = v1alpha1.WANLink
	changed := func(change func(*link)) link {
		l := link{Name: "fibre", Interface: "wan", Gateways: []string{"203.0.113.254"}}
		change(&l)
		return l
	}
	monitor := func(m v1alpha1.WANMonitor) link {
		return changed(func(l *link) { l.Monitors = []v1alpha1.WANMonitor{m} })
	}
	DescribeTable("accepts",
		func(ctx SpecContext, l link) {
			configuration := newFirewall()
			configuration.Spec.WAN = &v1alpha1.FirewallWAN{Distribution: "PerSource", Links: []link{l}}
			Expect(trial.Create(ctx, configuration)).To(Succeed())
		},
		Entry("a gateway", changed(func(*link) {})),
		Entry("both families", changed(func(l *link) { l.Gateways = append(l.Gateways, "fe80::1") })),
		Entry("the most weight", changed(func(l *link) { l.Weight, l.Backup = 255, true })),
		Entry("monitors", changed(func(l *link) {
			l.Monitors = []v1alpha1.WANMonitor{{Host: "192.0.2.1"}, {Type: "TCP", Host: "192.0.2.1", Port: 53}}
			l.IntervalMilliseconds, l.TimeoutMilliseconds, l.FailureThreshold, l.SuccessThreshold = 100, 99, 100, 1
		})),
	)
	DescribeTable("refuses",
		func(ctx SpecContext, l link, message string) {
			configuration := newFirewall()
			configuration.Spec.WAN = &v1alpha1.FirewallWAN{Links: []link{l}}
			Expect(trial.Create(ctx, configuration)).To(MatchError(ContainSubstring(message)))
		},
		Entry("no gateway", changed(func(l *link) { l.Gateways = []string{} }), "should have at least 1 items"),
		Entry("two gateways of a family", changed(func(l *link) { l.Gateways = append(l.Gateways, "203.0.113.253") }),
			"make another link of the second one"),
		Entry("a prefix", changed(func(l *link) { l.Gateways = []string{"203.0.113.254/24"} }), "address of a router"),
		Entry("loopback", changed(func(l *link) { l.Gateways = []string{"127.0.0.1"} }), "address of a router"),
		Entry("too much weight", changed(func(l *link) { l.Weight = 256 }), "less than or equal to 255"),
		Entry("a monitor of another family", monitor(v1alpha1.WANMonitor{Host: "2001:db8::1"}),
			"must have the address family of a gateway"),
		Entry("TCP without a port", monitor(v1alpha1.WANMonitor{Type: "TCP", Host: "192.0.2.1"}), "port must be set"),
		Entry("ICMP with a port", monitor(v1alpha1.WANMonitor{Host: "192.0.2.1", Port: 53}), "port must be set"),
		Entry("a name as a monitor", monitor(v1alpha1.WANMonitor{Host: "example.com"}), "host must be the unicast address"),
		Entry("a long timeout", changed(func(l *link) { l.TimeoutMilliseconds = 1000 }), "must be less than interval"),
	)
	It("bounds the links", func(ctx SpecContext) {
		configuration := newFirewall()
		configuration.Spec.WAN = &v1alpha1.FirewallWAN{}
		for range 9 {
			configuration.Spec.WAN.Links = append(configuration.Spec.WAN.Links, changed(func(*link) {}))
		}
		Expect(trial.Create(ctx, configuration)).To(MatchError(ContainSubstring("must have at most 8 items")))
	})
})
