//go:build e2e

package e2e

import (
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/internal/scenario"
)

var _ = Describe("A pair with IPv6 addresses", Ordered, func() {
	It("keeps an IPv6 connection through a switchover", func(ctx SpecContext) {
		pair := newPair("dual")
		pair.Spec.Networks[0].VirtualAddresses = append(pair.Spec.Networks[0].VirtualAddresses, "fd50::1/64")
		pair.Spec.Networks[1].VirtualAddresses = append(pair.Spec.Networks[1].VirtualAddresses, "2001:db8:113::1/64")
		create(ctx, pair, func(spec *hapairv1alpha1.FirewallConfigurationSpec) {
			spec.Addresses = []hapairv1alpha1.AddressObject{{Name: "lan6", Members: []string{"fd50::/64"}}}
			spec.Policies = []hapairv1alpha1.FirewallPolicy{
				{Name: "out", From: []string{"lan"}, To: []string{"wan"}, Source: []string{"lan6"}, Action: "Accept"},
			}
			spec.SourceNAT = []hapairv1alpha1.SourceNAT{
				{Name: "out", To: "wan", Source: []string{"lan6"}, Address: "2001:db8:113::1"},
			}
		})
		DeferCleanup(remove, pair)
		key := client.ObjectKeyFromObject(pair)
		Expect(site.AwaitRedundant(ctx, k8s, key)).To(Succeed())

		By("using privilege only in an init container that has ended")
		for _, pod := range unitPods(ctx, key) {
			Expect(pod.Spec.InitContainers).To(HaveLen(1))
			Expect(pod.Status.InitContainerStatuses[0].State.Terminated).NotTo(BeNil())
			for _, c := range pod.Spec.Containers {
				Expect(c.SecurityContext.Privileged).To(Or(BeNil(), HaveValue(BeFalse())))
			}
		}

		setup := scenario.Segments(k8s)
		setup.Pair = key
		setup.LAN, setup.WAN = netip.MustParseAddr("fd50::1"), netip.MustParseAddr("2001:db8:113::1")
		setup.Server = netip.MustParseAddrPort("[2001:db8:113::9]:7000")
		report := runScenario(ctx, setup, scenario.Scenario{Title: "switchover over IPv6", RemoveActive: deletePod})
		Expect(report.Survived).To(BeTrue(), "%v", report.Broken)
		Expect(report.LongestGap).To(BeNumerically("<", switchoverGap))
		Expect(report.SameStations).To(BeFalse(), "units with their own MAC addresses must announce a new one")

		By("giving the pair virtual MAC addresses")
		Expect(k8s.Get(ctx, key, pair)).To(Succeed())
		patch := client.MergeFrom(pair.DeepCopy())
		for i := range pair.Spec.Networks {
			pair.Spec.Networks[i].VirtualMAC.Type = hapairv1alpha1.VirtualMACAuto
		}
		Expect(k8s.Patch(ctx, pair, patch)).To(Succeed())
		Expect(site.AwaitRedundant(ctx, k8s, key)).To(Succeed())

		setup.SharedMAC = true
		report = runScenario(ctx, setup, scenario.Scenario{
			Title: "switchover over IPv6 with virtual MACs", RemoveActive: deletePod,
		})
		Expect(report.Survived).To(BeTrue(), "%v", report.Broken)
		Expect(report.LongestGap).To(BeNumerically("<", switchoverGap))
		Expect(report.SameStations).To(BeTrue(), "the neighbours had to learn a new MAC address")
	}, NodeTimeout(8*time.Minute))
})
