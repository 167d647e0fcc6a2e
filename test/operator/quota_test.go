//go:build apiserver

package operator

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("In a namespace with a quota on requests and limits", func() {
	limited := func(cpu, memory string) v1alpha1.ContainerSpec {
		list := corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory),
		}
		return v1alpha1.ContainerSpec{Resources: corev1.ResourceRequirements{Requests: list, Limits: list}}
	}
	strict := corev1.ResourceList{
		corev1.ResourceRequestsCPU: resource.MustParse("4"), corev1.ResourceLimitsCPU: resource.MustParse("4"),
		corev1.ResourceRequestsMemory: resource.MustParse("4Gi"), corev1.ResourceLimitsMemory: resource.MustParse("4Gi"),
	}

	for family, addresses := range map[string][]string{
		"IPv4": {"192.168.50.1/24"},
		// IPv6 needs an init container.
		"IPv6": {"192.168.50.1/24", "fd50::1/64"},
	} {
		It("a pair of "+family+" runs with limits for sidecar and firewall", func(ctx SpecContext) {
			s := newStage(ctx)
			quota(ctx, s.namespace, strict)
			// The API server enforces a quota some time after its creation.
			Eventually(func() error {
				return client.NewDryRunClient(admin).Create(ctx, &corev1.Pod{
					ObjectMeta: metav1.ObjectMeta{GenerateName: "probe-", Namespace: s.namespace},
					Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "x", Image: "x"}}},
				})
			}).Should(WithTransform(apierrors.IsForbidden, BeTrue()))
			s.pair.Spec.Networks[0].VirtualAddresses = addresses
			s.create(ctx)
			s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked, "must specify limits.cpu for: ", "firewall")

			s.change(ctx, func(spec *v1alpha1.HAPairSpec) {
				spec.Units.Sidecar, spec.Units.Firewall = limited("200m", "128Mi"), limited("500m", "256Mi")
			})
			s.settle(ctx)
			pod := s.pod(ctx, v1alpha1.Primary)
			for _, container := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
				Expect(container.Resources.Limits).To(HaveLen(2), container.Name)
			}
		})
	}
})
