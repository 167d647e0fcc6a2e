//go:build apiserver

package operator

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("The Service of a pair", func() {
	var s *stage
	BeforeEach(func(ctx SpecContext) {
		s = newStage(ctx)
		s.pair.Spec.Networks[0].VirtualAddresses = []string{"192.168.50.1/24", "fd50::1/64", "192.168.50.2/24"}
	})

	slice := func(ctx SpecContext, name string) func() *discoveryv1.EndpointSlice {
		return func() *discoveryv1.EndpointSlice {
			found := &discoveryv1.EndpointSlice{}
			if err := s.get(ctx, name, found); apierrors.IsNotFound(err) {
				return nil
			} else {
				Expect(err).NotTo(HaveOccurred())
			}
			return found
		}
	}
	service := func(ctx SpecContext) *corev1.Service {
		GinkgoHelper()
		found := &corev1.Service{}
		s.eventuallyGet(ctx, "edge", found)
		return found
	}
	addresses := func(slice *discoveryv1.EndpointSlice) []string {
		var all []string
		if slice != nil {
			for _, endpoint := range slice.Endpoints {
				all = append(all, endpoint.Addresses...)
			}
		}
		return all
	}

	It("points at virtual addresses, and does not change when the role does", func(ctx SpecContext) {
		s.pair.Spec.Service.Target, s.pair.Spec.Service.Network = v1alpha1.TargetVirtualAddress, "lan"
		s.create(ctx)
		s.settle(ctx)
		Eventually(slice(ctx, "edge")).Should(WithTransform(addresses, ConsistOf("192.168.50.1", "192.168.50.2")))
		before := slice(ctx, "edge")()
		Expect(before.Endpoints).To(HaveEach(And(
			HaveField("Conditions.Ready", HaveValue(BeTrue())), HaveField("NodeName", BeNil()), HaveField("TargetRef", BeNil()),
		)))
		s.hold(ctx, v1alpha1.Secondary, 2)
		Eventually(s.role).WithArguments(ctx, v1alpha1.Secondary).Should(Equal(v1alpha1.LabelRoleActive))
		Expect(slice(ctx, "edge")().ResourceVersion).To(Equal(before.ResourceVersion))

		By("following the role when it is told to")
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Service.Target = v1alpha1.TargetActiveUnit })
		Eventually(slice(ctx, "edge")).Should(WithTransform(addresses, ConsistOf("10.1.2.7")))
	})

	It("publishes virtual addresses as a load balancer", func(ctx SpecContext) {
		s.pair.Spec.Service.Type, s.pair.Spec.Service.Network = corev1.ServiceTypeLoadBalancer, "lan"
		s.create(ctx)
		published := func() []corev1.LoadBalancerIngress { return service(ctx).Status.LoadBalancer.Ingress }
		proxied := func(ip string) corev1.LoadBalancerIngress {
			mode := corev1.LoadBalancerIPModeProxy
			return corev1.LoadBalancerIngress{IP: ip, IPMode: &mode}
		}
		Eventually(published).Should(Equal([]corev1.LoadBalancerIngress{
			proxied("192.168.50.1"), proxied("fd50::1"), proxied("192.168.50.2"),
		}))
		made := service(ctx).Spec
		Expect(made.LoadBalancerClass).To(HaveValue(Equal(v1alpha1.LoadBalancerClass)))
		Expect(made.Ports).To(HaveEach(HaveField("NodePort", BeZero())))

		By("following the spec")
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Networks[0].VirtualAddresses = []string{"192.168.50.3/24"} })
		Eventually(published).Should(Equal([]corev1.LoadBalancerIngress{proxied("192.168.50.3")}))

		By("becoming something else, and a load balancer again")
		for _, kind := range []corev1.ServiceType{
			corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer, corev1.ServiceTypeClusterIP,
		} {
			s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Service.Type = kind })
			Eventually(func() corev1.ServiceType { return service(ctx).Spec.Type }).Should(Equal(kind))
			if kind == corev1.ServiceTypeLoadBalancer {
				Eventually(published).Should(HaveLen(1))
				continue
			}
			Eventually(published).Should(BeEmpty())
			Expect(service(ctx).Spec.LoadBalancerClass).To(BeNil())
		}
		Consistently(func() string { return s.condition(ctx, v1alpha1.ConditionStalled).Reason }).
			ShouldNot(Equal(v1alpha1.ReasonBlocked))
	})

	It("has endpoints of both IP families", func(ctx SpecContext) {
		s.pair.Spec.Service.IPFamilyPolicy = corev1.IPFamilyPolicyRequireDualStack
		s.pair.Spec.Service.Target, s.pair.Spec.Service.Network = v1alpha1.TargetVirtualAddress, "lan"
		s.create(ctx)
		Expect(service(ctx).Spec.IPFamilies).To(ConsistOf(corev1.IPv4Protocol, corev1.IPv6Protocol))
		Eventually(slice(ctx, "edge")).Should(WithTransform(addresses, ConsistOf("192.168.50.1", "192.168.50.2")))
		Eventually(slice(ctx, "edge.ipv6")).Should(WithTransform(addresses, ConsistOf("fd50::1")))
		Expect(slice(ctx, "edge.ipv6")().AddressType).To(Equal(discoveryv1.AddressTypeIPv6))

		By("losing those of one family with the Service's address of it")
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Service.IPFamilyPolicy = corev1.IPFamilyPolicySingleStack })
		Eventually(slice(ctx, "edge.ipv6")).Should(BeNil())
		Expect(addresses(slice(ctx, "edge")())).To(HaveLen(2))

		By("losing all with the Service")
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Service = nil })
		Eventually(slice(ctx, "edge")).Should(BeNil())
	})
})
