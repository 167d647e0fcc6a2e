//go:build e2e

package e2e

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
)

// The provider in shell stands for one of a third party: it was written from docs/providers.md alone.
var _ = Describe("The provider of a third party", Ordered, func() {
	pair := newPair("tickets")
	key := client.ObjectKeyFromObject(pair)

	probe := func(ctx context.Context, unit hapairv1alpha1.Unit, action, ticket string) error {
		return probe(ctx, key, unit, action, ticket)
	}
	// entries returns what the sidecar of a unit has, as its provider sees it.
	entries := func(ctx context.Context, unit hapairv1alpha1.Unit) (string, error) {
		return site.Kubectl(ctx, "exec", key.Name+"-"+string(unit), "-c", "provider-tickets", "--", "/bin/sh", "-c",
			`curl -sS --unix-socket "$HAPAIR_SOCKET" http://hapair/v1/classes/tickets`)
	}

	BeforeAll(func(ctx SpecContext) {
		pair.Spec.Providers = loadTickets(ctx)
		create(ctx, pair)
		DeferCleanup(remove, pair)
		Expect(site.AwaitRedundant(ctx, k8s, key)).To(Succeed())
	}, NodeTimeout(5*time.Minute))

	It("publishes on the active unit, and its peer honours it after a power cut", func(ctx SpecContext) {
		active := getPair(ctx, key).Status.Active
		peer := active.Peer()
		Eventually(probe).WithArguments(ctx, active, "begin", "client-1").Should(Succeed())
		Expect(entries(ctx, peer)).To(ContainSubstring(`"key":"client-1"`), "the ticket was issued before the peer had it")
		Expect(probe(ctx, peer, "begin", "client-2")).NotTo(Succeed(), "the standby must not serve")
		Expect(probe(ctx, active, "begin", "client-3")).To(Succeed())
		Expect(probe(ctx, active, "end", "client-3")).To(Succeed())

		node := unitPods(ctx, key)[active].Spec.NodeName
		Expect(site.Cluster.PowerOff(ctx, node)).To(Succeed())
		off := time.Now()
		DeferCleanup(func(ctx SpecContext) { Expect(site.Cluster.PowerOn(ctx, node)).To(Succeed()) })
		Eventually(probe).WithArguments(ctx, peer, "check", "client-1").Should(Succeed())
		say("the provider of the peer honours the ticket %s after the power cut", time.Since(off).Round(time.Millisecond))
		Expect(probe(ctx, peer, "check", "client-3")).NotTo(Succeed(), "the ticket was taken back before")
		Expect(probe(ctx, peer, "begin", "client-4")).To(Succeed(), "a pair that is not redundant serves, too")

		By("handing everything to the unit that returns")
		Expect(site.Cluster.PowerOn(ctx, node)).To(Succeed())
		Expect(site.AwaitRedundant(ctx, k8s, key)).To(Succeed())
		Eventually(entries).WithArguments(ctx, active).Should(And(
			ContainSubstring(`"key":"client-1"`), ContainSubstring(`"key":"client-4"`),
			Not(ContainSubstring(`"key":"client-3"`))))
	}, NodeTimeout(6*time.Minute))
})
