//go:build e2e

package e2e

import (
	"context"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/internal/adversary"
	"github.com/hapair-io/hapair/test/internal/scenario"
)

const (
	// attackTime is how long each attack lasts, and stormTime how long all of them at once.
	attackTime, stormTime = 2 * time.Second, 10 * time.Second
	// attackedGap bounds how long packets of the traffic are lost meanwhile. Packets that a busy machine delays are not
	// lost.
	attackedGap = 500 * time.Millisecond
)

// Both routers of the site attack the pair, and forward the traffic that must not suffer.
var _ = Describe("Hostile hosts on the segments", Ordered, ContinueOnFailure, func() {
	var enemies []*enemy
	BeforeAll(func(ctx SpecContext) {
		Expect(site.Apply(ctx, "config/samples")).To(Succeed())
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
	}, NodeTimeout(5*time.Minute))

	BeforeEach(func(ctx SpecContext) {
		setup := scenario.Sample(k8s)
		enemies = []*enemy{
			openEnemy(ctx, "lan", setup.LANNamespace, setup.LAN), openEnemy(ctx, "wan", setup.WANNamespace, setup.WAN),
		}
	})

	It("change nothing in the pair", func(ctx SpecContext) {
		s := begin(ctx, 0)
		s.flowFor(ctx, steady)
		counted, networks, calm := countersOf(ctx), networksOf(ctx), calmOf(ctx)
		expectCalm := func(attack string) {
			GinkgoHelper()
			s.flowFor(ctx, 200*time.Millisecond) // ends the last gap, so that it counts
			Expect(changesOf(calm, calmOf(ctx))).To(BeEmpty(), "after %s", attack)
			Expect(networksOf(ctx)).To(Equal(networks), "after %s", attack)
			gap, err := s.GapWhileSent()
			Expect(err).NotTo(HaveOccurred())
			say("%s: longest gap %s, silence of a connection %s", attack, gap.Round(time.Millisecond),
				s.Silence().Round(time.Millisecond))
			Expect(gap).To(BeNumerically("<", attackedGap), "during %s", attack)
		}
		for _, attack := range adversary.Attacks() {
			s.inject(attack.Name, func() error { return attackFrom(ctx, enemies, attackTime, attack) })
			expectCalm(attack.Name)
		}
		Eventually(func(ctx context.Context) string {
			return conditionOf(getPair(ctx, edge), hapairv1alpha1.ConditionAddressConflict)
		}).WithContext(ctx).Should(Equal("True/DuplicateAddress"))

		s.inject("addresses of the control plane on both hosts", func() error {
			return impersonate(enemies, func() error {
				return attackFrom(ctx, enemies, attackTime, adversary.ControlAddresses, adversary.Connections)
			})
		})
		expectCalm("the addresses")
		for _, e := range enemies {
			e.expectNoControlPlane(ctx)
		}
		s.inject("everything at once", func() error {
			return attackFrom(ctx, enemies, stormTime, adversary.Attacks()...)
		})
		expectCalm("everything at once")
		report := s.end(ctx)
		s.expectUnharmed(report)
		expectCounted(counted, countersOf(ctx))
	}, NodeTimeout(3*time.Minute))

	It("reach no socket of the control plane, even where the configuration admits them", func(ctx SpecContext) {
		var former hapairv1alpha1.FirewallConfigurationSpec
		changeFirewall(ctx, func(spec *hapairv1alpha1.FirewallConfigurationSpec) {
			spec.DeepCopyInto(&former)
			for _, zone := range []string{"lan", "wan"} {
				spec.Policies = append(spec.Policies, hapairv1alpha1.FirewallPolicy{
					Name: zone + "-to-firewall", From: []string{zone}, To: []string{"firewall"}, Action: "Accept",
				})
			}
		})
		DeferCleanup(func(ctx SpecContext) {
			changeFirewall(ctx, func(spec *hapairv1alpha1.FirewallConfigurationSpec) { *spec = former })
			eventuallyCondition(ctx, edge, hapairv1alpha1.ConditionConfigurationApplied, "True/Applied")
		})
		for _, e := range enemies {
			for _, port := range e.target.Ports {
				Eventually(e.connect).WithArguments(ctx, port).WithTimeout(10*time.Second).
					Should(MatchError(unix.ECONNREFUSED), "port %d", port)
			}
		}
	}, NodeTimeout(time.Minute))

	It("teach a unit nothing while it starts", func(ctx SpecContext) {
		s := begin(ctx, 0)
		storm, cancel := context.WithCancel(ctx)
		defer cancel()
		var attacking sync.WaitGroup
		defer attacking.Wait()
		defer cancel()
		s.inject("router messages during the standby's start", func() error {
			attacking.Go(func() {
				defer GinkgoRecover()
				Expect(attackFrom(storm, enemies, time.Minute, adversary.RouterAdvertisements, adversary.Redirects,
					adversary.Extensions, adversary.ControlAddresses)).To(Succeed())
			})
			return k8s.Delete(ctx, &s.standby)
		})
		report := s.end(ctx)
		s.expectUnharmed(report)
		expectNothingLearned(ctx)
	}, NodeTimeout(2*time.Minute))
})
