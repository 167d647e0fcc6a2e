//go:build apiserver

package operator

import (
	"net/netip"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// The operator has rights that the author of a pair may not have. These specs are about what a namespace editor could
// make it do.
var _ = Describe("What the administrator does not let pairs refer to", func() {
	beNotFound := WithTransform(apierrors.IsNotFound, BeTrue())

	It("is an attachment of another namespace by default", func(ctx SpecContext) {
		s, other := newStage(ctx), newStage(ctx)
		s.pair.Spec.Networks[1].Attachment.Multus.Namespace = other.namespace
		s.create(ctx)
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked,
			"spec.networks[1].attachment.multus.namespace: pairs in namespace "+s.namespace+" may not use")
		Consistently(func() error { return s.get(ctx, s.podName(v1alpha1.Primary), &corev1.Pod{}) }).Should(beNotFound)

		By("letting the author correct it")
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Networks[1].Attachment.Multus.Namespace = s.namespace })
		s.settle(ctx)
	})

	It("does not stop units that run", func(ctx SpecContext) {
		s, other := newStage(ctx), newStage(ctx)
		s.create(ctx)
		s.settle(ctx)
		before := s.pod(ctx, v1alpha1.Secondary).UID
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Networks[1].Attachment.Multus.Namespace = other.namespace })
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked, "may not use the attachments")
		Consistently(func() any { return s.pod(ctx, v1alpha1.Secondary).UID }).Should(Equal(before))

		By("following the Lease meanwhile")
		s.hold(ctx, v1alpha1.Secondary, 2)
		Eventually(func() string { return s.endpoints(ctx)[0].TargetRef.Name }).Should(Equal("edge-secondary"))
	})

	It("is published by no Service", func(ctx SpecContext) {
		h := newByHand(ctx)
		h.life.reconciler.Allowed.VirtualAddresses = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
		// The address could be that of a pod in another namespace, whose policies keep the author of the pair out.
		h.pair.Spec.Networks[0].VirtualAddresses = []string{"10.244.3.7/32"}
		h.pair.Spec.Service.Target, h.pair.Spec.Service.Network = v1alpha1.TargetVirtualAddress, "lan"
		h.create(ctx)
		h.reconcile(ctx)
		h.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked,
			"spec.networks[0].virtualAddresses[0]: 10.244.3.7 is not in an allowed prefix")
		Expect(h.get(ctx, "edge", &discoveryv1.EndpointSlice{})).To(beNotFound)
		Expect(h.get(ctx, h.podName(v1alpha1.Primary), &corev1.Pod{})).To(beNotFound)
	})

	It("is an image of another registry", func(ctx SpecContext) {
		h := newByHand(ctx)
		h.life.reconciler.Allowed.Images = []string{"example.test"}
		h.pair.Spec.Firewall.Image = "example.test.evil/firewall:1"
		h.create(ctx)
		h.reconcile(ctx)
		h.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked,
			"spec.firewall.image: ", "use an image from example.test")
		Expect(h.get(ctx, h.podName(v1alpha1.Primary), &corev1.Pod{})).To(beNotFound)
	})
})
