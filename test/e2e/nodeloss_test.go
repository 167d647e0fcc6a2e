//go:build e2e

package e2e

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("A pair that loses a node permanently", func() {
	It("gets its lost unit recreated on the remaining nodes without intervention", func(ctx SpecContext) {
		pair := newPair("stranded")
		// There are two nodes, so the remaining one is that of the other unit.
		pair.Spec.Units.Scheduling = hapairv1alpha1.SchedulingSpec{
			AllowSameNode: true,
			Tolerations:   []corev1.Toleration{goneFor(corev1.TaintNodeUnreachable), goneFor(corev1.TaintNodeNotReady)},
		}
		create(ctx, pair)
		DeferCleanup(remove, pair)
		key := client.ObjectKeyFromObject(pair)
		Expect(site.AwaitRedundant(ctx, k8s, key)).To(Succeed())
		before := unitPods(ctx, key)
		active := getPair(ctx, key).Status.Active
		lost, left := before[active].Spec.NodeName, before[active.Peer()].Spec.NodeName
		Expect(lost).NotTo(Equal(left))

		Expect(site.Cluster.PowerOff(ctx, lost)).To(Succeed())
		off := time.Now()
		DeferCleanup(func(ctx SpecContext) { Expect(site.Cluster.PowerOn(ctx, lost)).To(Succeed()) })
		Eventually(func(ctx context.Context) string { return unitPods(ctx, key)[active].Spec.NodeName }).
			WithContext(ctx).WithTimeout(4 * time.Minute).Should(Equal(left))
		Expect(site.AwaitRedundant(ctx, k8s, key)).To(Succeed())
		say("redundancy restored %s after the loss of a node", time.Since(off).Round(time.Second))
		Expect(getPair(ctx, key).Status.Active).To(Equal(active.Peer()))
		Expect(unitPods(ctx, key)[active.Peer()].UID).To(Equal(before[active.Peer()].UID))

		By("not accepting the old unit when the node returns after all")
		made := unitPods(ctx, key)[active].UID
		Expect(site.Cluster.PowerOn(ctx, lost)).To(Succeed())
		Expect(site.AwaitRedundant(ctx, k8s, key)).To(Succeed())
		Expect(unitPods(ctx, key)[active].UID).To(Equal(made))
	}, NodeTimeout(9*time.Minute))
})

// goneFor tolerates a taint for a few seconds.
func goneFor(taint string) corev1.Toleration {
	return corev1.Toleration{
		Key: taint, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute,
		TolerationSeconds: new(int64(5)),
	}
}
