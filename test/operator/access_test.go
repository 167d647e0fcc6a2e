//go:build apiserver

package operator

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("Access to the units", func() {
	var s *stage
	BeforeEach(func(ctx SpecContext) {
		s = newStage(ctx)
		s.create(ctx)
	})

	It("needs a token to scrape metrics, which stays the same until it is deleted", func(ctx SpecContext) {
		secret, own := &corev1.Secret{}, &corev1.Secret{}
		s.eventuallyGet(ctx, "edge-metrics", secret)
		s.eventuallyGet(ctx, "edge-primary-tls", own)
		Expect(len(secret.Data["token"])).To(BeNumerically(">=", 32))
		Expect(secret.Data["ca.crt"]).To(Equal(own.Data["ca.crt"]))

		token := string(secret.Data["token"])
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Paused = true })
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonCreating)
		Expect(s.get(ctx, "edge-metrics", secret)).To(Succeed())
		Expect(string(secret.Data["token"])).To(Equal(token))

		Expect(admin.Delete(ctx, secret)).To(Succeed())
		Eventually(func() string {
			if s.get(ctx, "edge-metrics", secret) != nil {
				return token
			}
			return string(secret.Data["token"])
		}).ShouldNot(Equal(token))
	})

	It("is open to the peer, to scrapers and to clients of the Service", func(ctx SpecContext) {
		policy := &networkingv1.NetworkPolicy{}
		s.eventuallyGet(ctx, "edge", policy)
		Expect(policy.Spec.PodSelector.MatchLabels).To(Equal(map[string]string{v1alpha1.LabelPair: "edge"}))
		Expect(portsOf(policy)).To(Equal([][]int{{7780, 7780}, {7782}, {5353}}))
		Expect(policy.Spec.Ingress[0].From).To(ConsistOf(HaveField("PodSelector", Not(BeNil()))))
		Expect(policy.Spec.Ingress[1].From).To(ConsistOf(HaveField("NamespaceSelector", Not(BeNil()))))
		Expect(policy.Spec.Ingress[2].From).To(BeEmpty())

		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Service = nil })
		Eventually(func() [][]int {
			Expect(s.get(ctx, "edge", policy)).To(Succeed())
			return portsOf(policy)
		}).Should(Equal([][]int{{7780, 7780}, {7782}}))
	})
})

func portsOf(policy *networkingv1.NetworkPolicy) [][]int {
	var all [][]int
	for _, rule := range policy.Spec.Ingress {
		var ports []int
		for _, p := range rule.Ports {
			ports = append(ports, p.Port.IntValue())
		}
		all = append(all, ports)
	}
	return all
}
